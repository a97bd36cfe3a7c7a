"""Warns of train sizes that are above what a task has, of all its examples or of a class."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mae_bench.errors import DataError
from mae_bench.planning.plan import Plan
from mae_bench.planning.stage import Stage
from mae_bench.plurals import counted
from mae_bench.specs import TrainSize, per_class
from mae_bench.store.store import Store
from mae_bench.tasks.base import Task

MAX_LOST_RATIO = 0.5  # of an official train split, to its test and selection parts


@dataclass(frozen=True)
class _Counts:
    """The training examples of a task.

    Attributes:
        num: of all classes; 0 where nothing is to be said of the task.
        by_class: by the name of the class; empty without classes, or where no size asks for it.
    """

    num: int = 0
    by_class: dict[str, int] | None = None


def too_large(
    plan: Plan,
    store: Store,
    data_dir: Path | None,
    field: str = "train_sizes",
    failing: str = "cells",
) -> list[str]:
    """Return a sentence for each task that has fewer labels than a train size asks for.

    Their cells fail, each with its reason, and the others go on. A last sentence names the tasks
    whose size only a download will show.

    Args:
        plan: whose tasks are looked at.
        store: where they may be prepared.
        data_dir: local data, for those that are not; None for what is generated alone.
        field: of the study, which holds the sizes.
        failing: what will fail.
    """
    sizes = [
        size
        for size in plan.study.train_sizes
        if isinstance(size, int) or per_class(size) is not None
    ]
    warnings, unread = [], []
    for stage in plan.stages if sizes else ():
        if stage.kind != "task":
            continue
        counts = _counts(plan, stage, store, data_dir, sizes)
        if counts is None:
            unread.append(stage.label)
            continue
        too_many = [size for size in sizes if isinstance(size, int) and size > counts.num > 0]
        if too_many:
            warnings.append(
                f"{stage.label} has {counted(counts.num, 'training example')}, fewer than {field} "
                f"{_listed(too_many)}: these {failing} will fail; give at most {counts.num:,}, or "
                "'all'"
            )
        if not counts.by_class:
            continue
        name, least = min(counts.by_class.items(), key=lambda item: item[1])
        if of_class := [size for size in sizes if (per_class(size) or 0) > least]:
            warnings.append(
                f"{stage.label} has {counted(least, 'training example')} of class '{name}', fewer "
                f"than {field} {_listed(of_class)}: these {failing} will fail; give at most "
                f"{least}/class, or 'all'"
            )
    if unread:
        warnings.append(
            f"{field} {_listed(sizes)} cannot be checked yet for {', '.join(unread)}: the data is "
            "neither prepared nor in a local folder; `mae-bench prepare` fetches it, and "
            f"`mae-bench plan` then names the sizes whose {failing} would fail"
        )
    return warnings


def _listed(sizes: Sequence[TrainSize]) -> str:
    return ", ".join(f"{size:,}" if isinstance(size, int) else str(size) for size in sizes)


def _counts(
    plan: Plan, stage: Stage, store: Store, data_dir: Path | None, sizes: Sequence[TrainSize]
) -> _Counts | None:
    """Return the training examples of a task; none if damaged, or clearly enough for ``sizes``.

    None where the data is not on this machine.
    """
    from mae_bench.tasks.build import num_official, train_labels
    from mae_bench.tasks.prepared import prepared_train_labels

    assert isinstance(stage.spec, dict)
    task = plan.tasks[stage.spec["task"]]
    counts = [size for size in sizes if isinstance(size, int)]
    is_by_class = len(counts) < len(sizes)
    if store.is_done(*stage.key):
        if store.damage(*stage.key, only=("meta.json", "train.parquet")[: 1 + is_by_class]):
            return _Counts()  # the run says so and builds it again
        if is_by_class:
            return _of_labels(task, prepared_train_labels(store.path(*stage.key)))
        return _Counts(int(store.read_json(*stage.key, "meta.json")["rows"]["train"]))
    try:
        official = num_official(task, data_dir)
        if official is None:
            return None
        if not is_by_class and max(counts) <= MAX_LOST_RATIO * official:
            return _Counts()  # not worth reading all its texts for
        return _of_labels(task, train_labels(task, data_dir))
    except DataError:
        return _Counts()  # `prepare` says what is wrong


def _of_labels(task: Task, labels: Sequence[Any]) -> _Counts:
    from mae_bench.tasks.kinds.base import kind_of
    from mae_bench.tasks.subsets import class_counts

    if not labels:
        return _Counts()
    kind = kind_of(task)
    groups = kind.groups(kind.array(labels))
    by_class = None if groups is None else class_counts(groups, task.label_names)
    return _Counts(len(labels), by_class)
