"""What `list tasks` tells of each task: its source, how large it is, whether it is at hand."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mae_bench.data.sources import Source
from mae_bench.tasks import TASKS, Task, kind_of
from mae_bench.tasks.base import PARTS
from mae_bench.tasks.row_counts import is_task_at_hand, rows_by_split

COLUMNS = ("name", "kind", "metrics", "language", "rows", "is_at_hand")  # of the table
PLANNED = ("task", "kind", "language", *PARTS)  # of the table of a plan


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
            "rows": rows_by_split(task, data_dir),
            "is_at_hand": is_task_at_hand(task, data_dir),
            "note": task.note,
        }
        for name, task in TASKS
    ]


def rows_text(rows: Mapping[str, int]) -> str:
    """Return the rows of the splits as a table shows them: ``8544/1101/2210``."""
    return "/".join(map(str, rows.values()))


def planned_line(task: Mapping[str, Any]) -> list[str]:
    """Return a line of a plan's table; a dash for rows of which nothing is known."""
    rows: Mapping[str, int] = task["rows"]
    counts = {part: f"{rows[part]:,}" if part in rows else "-" for part in PARTS}
    if "train" in rows and "selection" not in rows:
        counts["selection"] = "of train"
    return [task["name"], task["kind"], task["language"], *counts.values()]


def _source(task: Task) -> str:
    if task.source is None:
        return "generated"
    if not isinstance(task.source, Source):
        return "own files"
    hub = f"{task.source.hub_id}@{task.source.revision}"
    return hub if task.source.hub_id else f"local folder {task.source.folder}"
