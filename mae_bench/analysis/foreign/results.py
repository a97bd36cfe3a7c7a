"""One score that others published: its mean, its spread over runs, and where it came from."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mae_bench.errors import DataError


@dataclass(frozen=True)
class ForeignScore:
    """A score of an arm that was not run here, in the units of rows: .89 is 89 points.

    Attributes:
        sd: standard deviation over runs; NaN where it is unknown, as that of one run is.
        n: runs.
        source: the kind of file, for readers.
        note: what the runs are, and what else a reader must know.
    """

    arm: str
    task: str
    metric: str
    mean: float
    sd: float
    n: int
    source: str
    note: str = ""


def of_runs(
    values: list[float], arm: str, task: str, metric: str, source: str, note: str
) -> ForeignScore:
    """Return the score of several runs."""
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
    return ForeignScore(arm, task, metric, float(np.mean(values)), sd, len(values), source, note)


def wrong(path: Path, what: str) -> DataError:
    """Return the error of a file that is not of its form."""
    return DataError(f"--foreign {path}: {what}")


def read_object(path: Path) -> dict[str, Any]:
    """Return the mapping that a JSON file holds.

    Raises:
        DataError: it holds none.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise wrong(path, f"is no JSON ({error}); give a file of results") from None
    if not isinstance(content, dict):
        raise wrong(path, f"must hold a mapping, got a {type(content).__name__}")
    return content
