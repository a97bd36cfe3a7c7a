"""Prepares a task: reads its official splits, checks every row, and keeps the splits apart."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from mae_bench.data.held_out import HeldOutText
from mae_bench.data.own_files import FileSource
from mae_bench.data.sources import Source, count_local, read_split
from mae_bench.errors import DataError
from mae_bench.progress import Progress
from mae_bench.tasks.base import PARTS, TASKS, Task
from mae_bench.tasks.kinds.base import kind_of
from mae_bench.tasks.prepared import task_meta, text_columns
from mae_bench.tasks.subsets import content_hash

SELECTION_RATIO = 0.1
MAX_SELECTION = 500


@dataclass(frozen=True)
class _Row:
    name: str
    texts: tuple[str, ...]
    label: Any

    @property
    def key(self) -> tuple[str, ...]:
        """What makes two rows one: the texts, of a pair in either order."""
        return tuple(sorted(self.written))

    @property
    def written(self) -> tuple[str, ...]:
        return tuple(text.strip() for text in self.texts)


def build_task(task: Task, out: Path, data_dir: Path | None, progress: Progress) -> None:
    """Write ``train``, ``selection`` and ``test`` as parquet, and ``meta.json``.

    Selection is the official split for it, or carved out of train by content hash (a tenth);
    either way at most 500 rows, chosen by content hash. A text of the test split is removed from
    train and selection, a text of selection from train, and a text repeated inside selection is
    kept once; the counts are in ``meta.json``. No test row is removed for its texts. Two pairs
    of the same texts are one, whichever text comes first: in the other order, too, a pair leaks
    its label. Train and selection of a task that trains on another are the other's, without what
    is in the test. Rows without a label, and those that the kind cannot use, are left out of every
    part and counted.

    Raises:
        DataError: a split is missing, a column is missing, a label is not allowed, or a split
            ends up empty.
    """
    progress(0, 2, f"reading {task.name}")
    skipped: Counter[str] = Counter()
    if isinstance(task.source, FileSource):
        skipped.update(task.source.read().skipped)
    parts, counts = _split(task, data_dir, skipped)
    out.mkdir(parents=True, exist_ok=True)
    num_texts = max(len(row.texts) for rows in parts.values() for row in rows)
    for part in PARTS:
        _write(parts[part], num_texts, out / f"{part}.parquet")
    meta = {
        "task": task_meta(task),
        "rows": {part: len(rows) for part, rows in parts.items()},
        "removed": counts,
        "skipped": dict(skipped),
    }
    (out / "meta.json").write_text(json.dumps(meta, indent=1, ensure_ascii=False), encoding="utf-8")
    left_out = f"; {skipped_sentence(skipped)}" if skipped else ""
    progress(2, 2, f"{task.name} prepared{left_out}")


def train_labels(task: Task, data_dir: Path | None) -> list[Any]:
    """Return the labels of the training examples that a task will have, by reading it whole.

    Raises:
        DataError: as `build_task` does.
    """
    parts, _ = _split(task, data_dir, Counter())
    return [row.label for row in parts["train"]]


def num_rows(task: Task, data_dir: Path | None) -> tuple[dict[str, int], Counter[str]]:
    """Return how many examples each part of a task will have, and what is skipped.

    The task is read whole.

    Raises:
        DataError: as `build_task` does.
    """
    skipped: Counter[str] = Counter()
    parts, _ = _split(task, data_dir, skipped)
    return {part: len(rows) for part, rows in parts.items()}, skipped


def num_official(task: Task, data_dir: Path | None) -> int | None:
    """Return the rows of the official train split; None where only a download would show them.

    Raises:
        DataError: a file is damaged, or the local copy lacks it.
    """
    if task.is_test_only:
        return 0
    if task.train_task:
        return num_official(TASKS.get(task.train_task), data_dir)
    if isinstance(task.source, FileSource):
        return len(task.source.read().parts["train"])
    if isinstance(task.source, Source):
        return count_local(task.source, "train", data_dir)
    from mae_bench.data.world import SPLIT_SIZES

    return SPLIT_SIZES["train"]


def skipped_sentence(skipped: Mapping[str, int]) -> str:
    """Return what was left out of a task's parts, by its kind's reasons."""
    return "skipped " + ", ".join(f"{count:,} {reason}" for reason, count in skipped.items())


def _split(
    task: Task, data_dir: Path | None, skipped: Counter[str]
) -> tuple[dict[str, list[_Row]], dict[str, int]]:
    """Return the rows of each part and the counts of those removed; count what is skipped."""
    if task.is_test_only:
        test = _rows(task, task.test_split, data_dir, skipped)
        if not test:
            raise DataError(f"the test split of task '{task.name}' is empty; check the data set")
        return {"train": [], "selection": [], "test": test}, {}
    if task.train_task:
        return _split_of_two(task, data_dir, skipped)
    train = _rows(task, "train", data_dir, skipped)
    test = _rows(task, task.test_split, data_dir, skipped)
    tested = {row.key for row in test}
    counts = {"train_official": len(train), "train_in_test": 0, "selection_in_test": 0}
    train, counts["train_in_test"] = _without(train, tested)
    if task.selection_split:
        official = _rows(task, task.selection_split, data_dir, skipped)
        official, counts["selection_in_test"] = _without(official, tested)
        limit = MAX_SELECTION
    else:
        official = train
        limit = min(MAX_SELECTION, math.ceil(SELECTION_RATIO * len({row.key for row in train})))
    selection = _chosen(official, limit)
    selected = {row.key for row in selection}
    before = len(train)
    train, removed = _without(train, selected)
    counts["train_in_selection"] = removed
    counts["selection_carved"] = 0 if task.selection_split else len(selection)
    parts = {"train": train, "selection": selection, "test": test}
    _check_parts(task, parts, counts["train_official"], before, skipped)
    return parts, counts


def _split_of_two(
    task: Task, data_dir: Path | None, skipped: Counter[str]
) -> tuple[dict[str, list[_Row]], dict[str, int]]:
    """Return the test of a task, and the train and selection of the one that it trains on."""
    test = _rows(task, task.test_split, data_dir, skipped)
    tested = {row.key for row in test}
    parts, counts = _split(TASKS.get(task.train_task), data_dir, skipped)
    before = len(parts["train"])
    train, counts["train_in_test"] = _without(parts["train"], tested)
    selection, counts["selection_in_test"] = _without(parts["selection"], tested)
    parts = {"train": train, "selection": selection, "test": test}
    _check_parts(task, parts, counts["train_official"], before, skipped)
    return parts, counts


def _check_parts(
    task: Task,
    parts: dict[str, list[_Row]],
    official: int,
    before: int,
    skipped: Mapping[str, int],
) -> None:
    left_out = f"; {skipped_sentence(skipped)}" if skipped else ""
    for part, rows in parts.items():
        if not rows:
            raise DataError(
                f"the {part} split of task '{task.name}' is empty: train had "
                f"{official} rows, {before} of them not in test{left_out}; "
                "check the data set, or give it more rows"
            )


def _rows(task: Task, split: str, data_dir: Path | None, skipped: Counter[str]) -> list[_Row]:
    if task.source is None:
        return _world_rows(task, split)
    if isinstance(task.source, FileSource):
        return _own_rows(task, task.source, split, skipped)
    if isinstance(task.source, HeldOutText):
        texts = task.source.read(data_dir)
        return list(
            _checked(task, split, ((text,) for text in texts), [None] * len(texts), skipped)
        )
    label = task.label_field
    others = (label,) if label else ()
    fields = read_split(task.source, split, data_dir, texts=task.columns, others=others)
    columns = [fields[name] for name in task.columns]
    labels = fields[label] if label else [None] * len(columns[0])
    return list(_checked(task, split, zip(*columns, strict=True), labels, skipped))


def _own_rows(task: Task, source: FileSource, split: str, skipped: Counter[str]) -> list[_Row]:
    rows = source.read().parts.get(split, ())
    wheres = [row.where for row in rows]
    texts, labels = (row.texts for row in rows), [row.label for row in rows]
    return list(_checked(task, split, texts, labels, skipped, wheres))


def _world_rows(task: Task, split: str) -> list[_Row]:
    from mae_bench.data.world import world_task

    examples = world_task(task.tested_as.removeprefix("world/"), split)
    texts = [tuple(example[name] for name in task.text_fields) for example in examples]
    labels = [example[task.label_field] for example in examples]
    rows = _checked(task, split, texts, labels, Counter())
    return [
        _Row(example["id"], row.texts, row.label)
        for example, row in zip(examples, rows, strict=True)
    ]


def _checked(
    task: Task,
    split: str,
    texts: Iterable[tuple[Any, ...]],
    labels: list[Any],
    skipped: Counter[str],
    wheres: Sequence[str] = (),
) -> Iterable[_Row]:
    """Yield the rows with their labels read; ``wheres`` say where each of them stands."""
    kind = kind_of(task)
    for number, (row, label) in enumerate(zip(texts, labels, strict=True)):
        if task.skipped_labels and label in task.skipped_labels:
            skipped[f"without a label in {split}"] += 1
            continue
        where = f"row {number} of the {split} split of task '{task.name}'"
        where = wheres[number] if wheres else where
        example = kind.read_example(row, label, where)
        if example is not None:
            yield _Row(f"{split}-{number}", *example)
    for reason, count in kind.skipped.items():
        skipped[f"{reason} in {split}"] += count


def _without(rows: list[_Row], keys: set[tuple[str, ...]]) -> tuple[list[_Row], int]:
    kept = [row for row in rows if row.key not in keys]
    return kept, len(rows) - len(kept)


def _chosen(rows: list[_Row], limit: int) -> list[_Row]:
    """Return the first row of each text, at most ``limit`` of them by content hash.

    Of a pair in both orders it is the one with the smaller hash, whichever stands first.
    """
    unique: dict[tuple[str, ...], tuple[bytes, _Row]] = {}
    for row in rows:
        hashed = content_hash(row.written), row
        kept = unique.setdefault(row.key, hashed)
        if hashed[0] < kept[0]:
            unique[row.key] = hashed
    return [row for _, row in sorted(unique.values(), key=lambda pair: pair[0])[:limit]]


def _write(rows: list[_Row], num_texts: int, path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    columns: dict[str, list[Any]] = {"id": [row.name for row in rows]}
    most = max((len(row.texts) for row in rows), default=num_texts)
    texts = zip_longest(*(row.texts for row in rows)) if rows else [()] * most
    columns |= zip(text_columns(most), map(list, texts), strict=True)
    columns["label"] = [row.label for row in rows]
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
