"""A finished study as its home keeps it: read without planning, and so without torch."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from mae_bench.results import load_rows, read_json
from mae_bench.runner.completion import num_finished
from mae_bench.specs import Study
from mae_bench.store.store import Store

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class FinishedStudy:
    """The rows of a study, and the study with all that was implied written out.

    Attributes:
        unread: pairs of a protocol and a task that it does not ask for: those without any row.
    """

    study: Study
    rows: "pd.DataFrame"
    unread: frozenset[tuple[str, str]]


def finished_study(store: Store, study: Study, data_dir: Path | None) -> FinishedStudy | None:
    """Return what a home keeps of a study; None where a run would do something."""
    if num_finished(store, study, data_dir) is None:
        return None
    folder = store.study(study.name)
    rows = load_rows(folder)
    full = Study.model_validate(read_json(folder / "study.json"))
    there = set(zip(rows["protocol"], rows["task"], strict=True))
    return FinishedStudy(full, rows, frozenset(product(full.protocols, full.tasks)) - there)
