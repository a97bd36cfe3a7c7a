"""How many rows a task has, by its splits and by its parts, as far as nothing must be fetched."""

from pathlib import Path

from mae_bench.data.held_out import HeldOutText
from mae_bench.data.own_files import FileSource
from mae_bench.data.sources import Source, count_local, is_at_hand
from mae_bench.tasks.base import TASKS, Task


def rows_by_split(task: Task, data_dir: Path | None) -> dict[str, int]:
    """Return the rows of each published split, or of each part of a user's own files.

    Those of sets that are in ``data_dir`` are counted, others are those that the definition names;
    empty where it names none, and of a corpus' held-out text, which is found by reading it whole.

    Raises:
        DataError: a file is damaged.
    """
    if task.source is None:
        from mae_bench.data.world import SPLIT_SIZES

        return dict(SPLIT_SIZES)
    if isinstance(task.source, FileSource):
        return {part: len(rows) for part, rows in task.source.read().parts.items()}
    if isinstance(task.source, HeldOutText):
        return {}
    if not is_at_hand(task.source, data_dir):
        return dict(task.source.rows)
    splits = task.source.splits
    return {split: count_local(task.source, split, data_dir) or 0 for split in splits}


def rows_by_part(task: Task, data_dir: Path | None) -> dict[str, int]:
    """Return the rows of train, selection and test, where they are known before it is prepared.

    Without a split to choose on, ``train`` is what selection will be carved out of. Rows that are
    left out on the way, such as texts of test that train repeats, are still counted.

    Raises:
        DataError: a file is damaged.
    """
    trained = TASKS.get(task.train_task) if task.train_task else task
    tested = rows_by_split(task, data_dir)
    learned = tested if trained is task else rows_by_split(trained, data_dir)
    splits = {
        "train": None if task.is_test_only else learned.get("train"),
        "selection": learned.get(trained.selection_split or ""),
        "test": tested.get(task.test_split),
    }
    return {part: count for part, count in splits.items() if count is not None}


def is_task_at_hand(task: Task, data_dir: Path | None) -> bool:
    """Whether nothing is fetched for a task: neither its test nor what it trains on."""
    if isinstance(task.source, HeldOutText):
        return task.source.is_at_hand(data_dir)
    sources = (task.source, (TASKS.get(task.train_task) if task.train_task else task).source)
    return all(not isinstance(each, Source) or is_at_hand(each, data_dir) for each in sources)
