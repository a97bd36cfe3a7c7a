"""What `list tasks` tells of each task: its source, how large it is, whether it is at hand."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mae_bench.data.held_out import HeldOutText
from mae_bench.data.sources import Source, count_local, is_at_hand
from mae_bench.tasks import TASKS, Task, kind_of
from mae_bench.tasks.corpus_task import corpus_tasks

COLUMNS = ("name", "kind", "metrics", "language", "rows", "is_at_hand")  # of the table


def task_parts(data_dir: Path | None) -> Sequence[Mapping[str, object]]:
    """Return what is told of every task, by column.

    Args:
        data_dir: local data; rows of sets that are there are counted, others are those that the
            definition names.

    Raises:
        DataError: a file there is damaged.
    """
    return [
        {
            "name": name,
            "kind": task.kind,
            "labels": kind_of(task).described,
            "metrics": ", ".join(task.metrics),
            "language": task.language,
            "source": _source(task),
            "licence": task.licence,
            "rows": _rows(task, data_dir),
            "is_at_hand": _is_at_hand(task, data_dir),
            "note": task.note,
        }
        for name, task in [*TASKS, *((task.name, task) for task in corpus_tasks())]
    ]


def rows_text(rows: Mapping[str, int]) -> str:
    """Return the rows of the splits as a table shows them: ``8544/1101/2210``."""
    return "/".join(map(str, rows.values()))


def _source(task: Task) -> str:
    if task.source is None:
        return "generated"
    if isinstance(task.source, HeldOutText):
        return f"corpus {task.source.corpus}"
    if not isinstance(task.source, Source):
        return "own files"
    hub = f"{task.source.hub_id}@{task.source.revision}"
    return hub if task.source.hub_id else f"local folder {task.source.folder}"


def _is_at_hand(task: Task, data_dir: Path | None) -> bool:
    """Whether nothing is fetched for a task: neither its test nor what it trains on."""
    if isinstance(task.source, HeldOutText):
        return task.source.is_at_hand(data_dir)
    sources = (task.source, TASKS.get(task.trained_as).source)
    return all(not isinstance(each, Source) or is_at_hand(each, data_dir) for each in sources)


def _rows(task: Task, data_dir: Path | None) -> dict[str, int]:
    if task.source is None:
        from mae_bench.data.world import SPLIT_SIZES

        return dict(SPLIT_SIZES)
    if not isinstance(task.source, Source):
        return {}
    if not is_at_hand(task.source, data_dir):
        return dict(task.source.rows)
    splits = task.source.splits
    return {split: count_local(task.source, split, data_dir) or 0 for split in splits}
