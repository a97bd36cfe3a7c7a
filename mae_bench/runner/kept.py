"""The studies that a home has run, as they were given."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from mae_bench.errors import DataError
from mae_bench.specs import Study
from mae_bench.store.store import Store

ASKED_FILE = "asked.json"  # the study before its plan wrote out what it implies
_PLANNED_FILE = "study.json"  # after; all that homes of earlier versions have


def kept_studies(store: Store) -> Iterator[tuple[str, Callable[[], Study]]]:
    """Yield the name of each study, and what reads it.

    Reading one raises a DataError where this version of mae-bench cannot.
    """
    folders = store.home / "studies"
    for folder in sorted(folders.iterdir()) if folders.is_dir() else []:
        files = [folder / name for name in (ASKED_FILE, _PLANNED_FILE)]
        if there := [path for path in files if path.is_file()]:
            yield folder.name, partial(_read, there[0])


def _read(path: Path) -> Study:
    try:
        return Study.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(
            f"{path} is no study of this version ({where}: {first['msg']}); run the study again"
        ) from None
