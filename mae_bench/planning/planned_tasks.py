"""What a plan tells of its tasks: kind, language, and how many rows their parts have."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mae_bench.planning.plan import Plan
from mae_bench.store.store import Store

if TYPE_CHECKING:
    from mae_bench.tasks import Task


def told_of_tasks(
    plan: Plan, store: Store, data_dir: Path | None
) -> tuple[Mapping[str, object], ...]:
    """Return a mapping for each task of a plan.

    Under ``rows`` are those of train, selection and test: exact where ``is_prepared``, else as its
    data or definition says, without parts of which that is not known.

    Raises:
        DataError: a file is damaged.
    """
    ids = {
        stage.spec["task"]: stage.key
        for stage in plan.stages
        if stage.kind == "task" and isinstance(stage.spec, dict)
    }
    facts = []
    for name, task in plan.tasks.items():
        prepared = _prepared_rows(store, ids.get(name))
        facts.append(
            {
                "name": name,
                "kind": task.kind,
                "language": task.language,
                "rows": prepared or _known_rows(task, data_dir),
                "is_prepared": prepared is not None,
            }
        )
    return tuple(facts)


def _prepared_rows(store: Store, key: tuple[str, str] | None) -> dict[str, int] | None:
    if key is None or not store.is_done(*key) or store.damage(*key, only=("meta.json",)):
        return None
    rows: dict[str, int] = store.read_json(*key, "meta.json")["rows"]
    return rows


def _known_rows(task: "Task", data_dir: Path | None) -> dict[str, int]:
    from mae_bench.tasks.row_counts import rows_by_part

    return rows_by_part(task, data_dir)
