"""What is worked out along an axis of a study: costs of noise, crossings, the best split."""

from pathlib import Path

import pandas as pd

from mae_bench.analysis.budget_split import (
    split_cost_table,
    split_lines,
    split_numbers,
    split_table,
)
from mae_bench.analysis.crossing import crossing_table, crossings
from mae_bench.analysis.noise_curves import curves_long, noise_curve_table, noise_curves
from mae_bench.analysis.scores import Scores
from mae_bench.analysis.tables import Table
from mae_bench.specs import Study


def derived_tables(
    scores: Scores, rows: pd.DataFrame, study: Study, control: str | None, folder: Path
) -> list[Table]:
    """Return the tables for the page, and write all numbers as CSV where there are any."""
    tables: list[Table | None] = []
    if curves := noise_curves(scores):
        folder.mkdir(parents=True, exist_ok=True)
        curves_long(curves, control).to_csv(folder / "noise_numbers.csv", index=False)
        tables.append(noise_curve_table(curves, scores.reference, control))
    if control and len(numbers := crossings(scores, control)):
        folder.mkdir(parents=True, exist_ok=True)
        numbers.to_csv(folder / "crossing_numbers.csv", index=False)
        tables.append(crossing_table(numbers, scores, control))
    if lines := split_lines(scores, study):
        folder.mkdir(parents=True, exist_ok=True)
        split_numbers(lines).to_csv(folder / "split_numbers.csv", index=False)
        tables += [split_table(lines, scores), split_cost_table(rows)]
    return [table for table in tables if table is not None]
