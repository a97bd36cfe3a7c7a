"""What is worked out along the axes: costs of noise, crossings, winners, splits, variances."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from mae_bench.analysis.budget_split import split_tables
from mae_bench.analysis.crossing import crossing_table, crossings
from mae_bench.analysis.noise_curves import curves_long, noise_curve_table, noise_curves
from mae_bench.analysis.pairwise import Decisions
from mae_bench.analysis.scores import Scores
from mae_bench.analysis.tables import Table
from mae_bench.analysis.variance_tables import variance_tables
from mae_bench.analysis.winners import columns_long, winner_columns, winner_tables


def derived_tables(
    rows: pd.DataFrame,
    scores: Scores,
    control: str | None,
    kinds: Mapping[str, str],
    decisions: Decisions,
    folder: Path,
) -> list[Table]:
    """Return the tables for the page, and write all numbers as CSV where there are any.

    The folder must be there.
    """
    tables: list[Table | None] = []
    if curves := noise_curves(scores):
        curves_long(curves, control).to_csv(folder / "noise_numbers.csv", index=False)
        tables.append(noise_curve_table(curves, scores.reference, control))
    if control and len(numbers := crossings(scores, control)):
        numbers.to_csv(folder / "crossing_numbers.csv", index=False)
        tables.append(crossing_table(numbers, scores, control))
    columns = winner_columns(scores, kinds, decisions)
    if winners := winner_tables(columns, decisions.note):
        columns_long(columns).to_csv(folder / "winner_columns.csv", index=False)
        tables += winners
    tables += split_tables(rows, scores, folder)
    tables += variance_tables(scores, control, folder)
    return [table for table in tables if table is not None]
