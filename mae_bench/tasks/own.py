"""A study's own tasks: their definition from what the files hold, and what there is to say of it.

`task_of` is how a plan finds any task by name: the study's own first, then the registry.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mae_bench.data.own_files import TEST_RATIO, FileSource, OwnData, flat_names, part_files
from mae_bench.data.records import labelled_file
from mae_bench.errors import DataError, SpecError
from mae_bench.plurals import counted
from mae_bench.specs import OwnTask, Study
from mae_bench.tasks.base import TASKS, Task
from mae_bench.tasks.kinds.base import KINDS, TaskKind
from mae_bench.tasks.metrics import METRICS
from mae_bench.tasks.own_doubts import doubts, some_of
from mae_bench.tasks.train_task import is_transfer, registered_task

MAX_CLASSES = 1000


def task_of(study: Study, name: str) -> Task:
    """Return a task of a study by name, or of two names, ``train -> test``.

    Raises:
        UnknownNameError: neither the study nor the registry has it.
        SpecError: two tasks cannot be joined.
        DataError: a file of the study's own cannot be used; in one sentence.
    """
    for spec in study.own_tasks:
        if spec.name == name:
            return own_task(spec)
        if is_transfer(name) and spec.name in (part.strip() for part in name.split("->")):
            raise SpecError(
                f"task '{name}' joins '{spec.name}', which is defined in the study; give one task "
                "of your own the files of both, as `train:` and `test:`",
                name,
            )
    return registered_task(name)


def own_task(spec: OwnTask) -> Task:
    """Return the definition of a study's own task, with the classes that its files hold.

    Raises:
        SpecError: its name is taken, or its kind needs what the study does not say.
        DataError: a file cannot be used; in one sentence.
    """
    if spec.name in TASKS:
        raise SpecError(
            f"task '{spec.name}' of the study has the name of a task that is known already; give "
            "it another name",
            spec.name,
        )
    kind = KINDS.get(spec.kind)
    _check_columns(spec, kind)
    try:
        source = _source(spec, kind)
        data = source.read()
        if kind.has_classes and kind.has_lists:
            _check_lists(spec, data)
        names = _class_names(spec, data) if kind.has_classes else spec.classes
    except DataError as error:
        raise DataError(f"task '{spec.name}': {error}") from None
    metrics = spec.metrics or kind.usual_metrics(names, spec.language)
    if not metrics:
        raise SpecError(
            f"task '{spec.name}' is of kind '{spec.kind}', which has no usual metric; name one, "
            "such as `metrics: [accuracy]`",
            spec.name,
        )
    _check_metrics(spec, kind.usual_metrics(names, spec.language))
    return Task(
        name=spec.name,
        kind=spec.kind,
        text_fields=spec.text,
        label_field=spec.label,
        label_names=names,
        metrics=metrics,
        source=source,
        licence=spec.licence,
        selection_split="selection" if "selection" in data.parts else None,
        language=spec.language,
        option_fields=spec.options,
        detected_labels=spec.detected,
    )


def _check_metrics(spec: OwnTask, usual: Sequence[str]) -> None:
    """Refuse a metric of this package that reads labels of another form than the kind's."""
    own = {METRICS.get(name).__module__ for name in usual}
    for metric in spec.metrics if own else ():
        form = METRICS.get(metric).__module__
        if form.startswith("mae_bench.") and form not in own:
            fitting = [name for name, each in METRICS if each.__module__ in own]
            raise SpecError(
                f"task '{spec.name}' of kind '{spec.kind}' cannot be scored by '{metric}', which "
                f"reads other labels; metrics of that kind: {', '.join(fitting)}",
                metric,
            )


def own_warnings(study: Study) -> list[str]:
    """Return a sentence for each thing in a study's own files that its user should know."""
    sentences = []
    for spec in study.own_tasks:
        source = own_task(spec).source
        assert isinstance(source, FileSource)
        sentences += [f"task '{spec.name}': {text}" for text in doubts(source, source.stamps())]
    return sentences


def own_summary(spec: OwnTask) -> str:
    """Return what a study's own task was read as: files, rows of each part, classes."""
    from mae_bench.tasks.build import num_rows, skipped_sentence

    task = own_task(spec)
    assert isinstance(task.source, FileSource)
    rows, skipped = num_rows(task, None)
    parts = ", ".join(f"{count:,} {part}" for part, count in rows.items())
    classes = f"; {counted(len(task.label_names), 'class', 'classes')}" if task.label_names else ""
    carved = [f"test ({TEST_RATIO:.0%} of the texts)"] if task.source.read().is_carved else []
    carved += [] if task.selection_split else ["selection"]
    how = f"; {' and '.join(carved)} carved by content hash" if carved else ""
    names = ", ".join(path.name for path in task.source.paths)
    left_out = f"; {skipped_sentence(skipped)}" if skipped else ""
    return f"{task.name} ({task.kind}) from {names}: {parts}{classes}{how}{left_out}"


def _check_columns(spec: OwnTask, kind: type[TaskKind]) -> None:
    """Check the keys that belong to some kinds alone."""
    if spec.options and not kind.has_options:
        raise SpecError(
            f"task '{spec.name}' of kind '{spec.kind}' has no options to choose among, got "
            f"`options: [{', '.join(spec.options)}]`; leave it out, or write `kind: choice`",
            spec.name,
        )
    if spec.detected and spec.kind != "detect":
        raise SpecError(
            f"task '{spec.name}' of kind '{spec.kind}' detects no class, got `detected: "
            f"[{', '.join(spec.detected)}]`; leave it out, or write `kind: detect`",
            spec.name,
        )


def _source(spec: OwnTask, kind: type[TaskKind]) -> FileSource:
    if spec.data is not None:
        files = part_files(spec.data)
    else:
        given = {"train": spec.train, "test": spec.test, "selection": spec.selection}
        files = tuple((part, path) for part, path in given.items() if path is not None)
    if spec.split is not None and files[0][0]:
        raise SpecError(
            f"task '{spec.name}': `split: {spec.split}` says which row of one file belongs where, "
            f"got the folder '{spec.data}' with a file for each part; leave `split` out",
            spec.name,
        )
    if kind.has_lists and (flat := [path for _, path in files if _is_flat(path)]):
        raise DataError(
            f"kind '{spec.kind}' reads lists, which {flat[0]} cannot hold; give .jsonl or .parquet"
        )
    together = kind.kept_together
    return FileSource(
        files=files,
        text_fields=spec.text,
        label_field=spec.label,
        split_field=spec.split,
        separator=spec.separator,
        quotes=spec.quotes,
        has_classes=kind.has_classes,
        option_fields=spec.options,
        kept_together=None
        if together is None or len(spec.text) <= together
        else spec.text[together],
    )


def _is_flat(path: str) -> bool:
    """Whether a file is one whose fields are texts alone."""
    return labelled_file(Path(path)).kind in (".csv", ".tsv")


def _check_lists(spec: OwnTask, data: OwnData) -> None:
    for row in data.rows:
        if not isinstance(row.label, list):
            raise DataError(
                f"label {row.label!r} in column '{spec.label}' of {row.where} must be a list of "
                'labels; write `["A", "B"]`'
            )


def _class_names(spec: OwnTask, data: OwnData) -> tuple[str, ...]:
    names = data.names
    if spec.detected:
        return _detected_names(spec, names)
    if spec.classes:
        if unknown := sorted(names - set(spec.classes)):
            row = next(row for row in data.rows if unknown[0] in flat_names(row.label))
            raise DataError(
                f"label '{unknown[0]}' in {row.where} is none of `classes` "
                f"({', '.join(spec.classes)}); add it, or leave `classes` out"
            )
        return spec.classes
    if len(names) < 2:
        only = f"one class only, '{min(names)}'," if names else "no class"
        raise DataError(
            f"column '{spec.label}' holds {only} in {counted(len(data.rows), 'row')}; a classifier "
            "needs two: name another column, or give rows of another class"
        )
    if len(names) > MAX_CLASSES:
        raise DataError(
            f"column '{spec.label}' holds {len(names):,} different labels in "
            f"{counted(len(data.rows), 'row')}, at most {MAX_CLASSES:,} classes are allowed; name "
            "another column, or `kind: regress` for numbers"
        )
    return tuple(sorted(names, key=_order(names)))


def _detected_names(spec: OwnTask, names: frozenset[str]) -> tuple[str, str]:
    """Return the names of the two classes that `detect` tells apart."""
    unknown = [name for name in spec.detected if name not in names]
    if unknown or names <= set(spec.detected):
        what = f"no label '{unknown[0]}'" if unknown else "no other label"
        raise DataError(
            f"column '{spec.label}' holds {what}, got `detected: [{', '.join(spec.detected)}]` and "
            f"the labels {some_of(sorted(names))}; name some of the labels, not all"
        )
    return "the rest", " or ".join(spec.detected)


def _order(names: Iterable[str]) -> Any:
    """Return a key that sorts whole numbers by value, and all else as text."""
    are_numbers = all(name.isdecimal() and str(int(name)) == name for name in names)
    return int if are_numbers else str
