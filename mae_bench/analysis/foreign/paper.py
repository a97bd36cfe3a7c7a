"""A CSV of what a paper prints: ``arm, task, metric, mean, sd, n``, and ``note`` if wanted.

Numbers are in the units of rows, so that .892 is 89.2 points. ``sd`` is the standard deviation over
``n`` runs, no standard error and no half of an interval; empty where the paper has none.
"""

import csv
import math
from pathlib import Path

from mae_bench.analysis.foreign.results import ForeignScore, wrong
from mae_bench.errors import UnknownNameError
from mae_bench.measures import POINTS, measure_of

COLUMNS = ("arm", "task", "metric", "mean", "sd", "n")


def read_paper(path: Path) -> list[ForeignScore]:
    """Return a score for each line.

    Raises:
        DataError: a column lacks, or a number is none or in other units.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, skipinitialspace=True)
        names = reader.fieldnames or []
        missing = [name for name in COLUMNS if name not in names]
        if missing:
            raise wrong(
                path,
                f"lacks the columns {', '.join(missing)}; the first line must name "
                f"{', '.join(COLUMNS)}",
            )
        return [_score(path, number, line) for number, line in enumerate(reader, 2)]


def _score(path: Path, number: int, line: dict[str, str]) -> ForeignScore:
    try:
        mean, n = float(line["mean"]), int(line["n"])
        sd = float(line["sd"]) if (line["sd"] or "").strip() else math.nan
    except (TypeError, ValueError):
        raise wrong(
            path, f"line {number} needs numbers for mean and n, and for sd a number or nothing"
        ) from None
    try:
        measure = measure_of(line["metric"])
    except UnknownNameError as error:
        raise wrong(path, f"line {number}: {error}") from None
    if n < 1 or sd < 0 or not math.isfinite(mean):
        raise wrong(path, f"line {number} needs n of at least 1, and sd of at least 0")
    if measure.unit == POINTS and abs(mean) > 1:
        raise wrong(
            path,
            f"line {number}: mean must be in the units of rows, got {mean:g} for "
            f"{line['metric']}; write {mean / 100:.4g} for {mean:g} points, and sd likewise",
        )
    note = (line.get("note") or "").strip()
    return ForeignScore(line["arm"], line["task"], line["metric"], mean, sd, n, "paper", note)
