"""The short form of a study's own tasks: mappings among the names under ``tasks``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mae_bench.errors import SpecError
from mae_bench.sentences import first_key_path, sentence
from mae_bench.specs import OwnTask
from mae_bench.user_paths import user_path


def take_own_tasks(full: dict[str, Any], folder: Path | None) -> None:
    """Move the mappings under ``tasks`` to ``own_tasks``, and leave their names in their places.

    Args:
        full: fields of a study, changed in place.
        folder: of the study's file, from which relative paths are found.

    Raises:
        SpecError: a mapping is no task; in one sentence.
    """
    given = [*full.get("own_tasks", ())]
    names = []
    for index, item in enumerate(full.get("tasks", ())):
        if not isinstance(item, dict):
            names.append(item)
            continue
        try:
            spec = OwnTask.model_validate(_own_task(item, folder))
        except ValidationError as error:
            key_path = ("tasks", index, *first_key_path(error, OwnTask))
            raise SpecError(sentence(error, OwnTask, ("tasks", index)), key_path=key_path) from None
        given.append(spec)
        names.append(spec.name)
    if given:
        full["tasks"], full["own_tasks"] = names, given


def _own_task(item: Mapping[str, Any], folder: Path | None) -> dict[str, Any]:
    """Return the fields of an own task, its paths found from the folder of the study."""
    fields = dict(item)
    for name in ("text", "options"):
        if isinstance(fields.get(name), str):
            fields[name] = [fields[name]]
    for name in ("data", "train", "test", "selection"):
        if isinstance(path := fields.get(name), str) and path.strip():
            fields[name] = str((folder or Path()) / user_path(path))
    return fields
