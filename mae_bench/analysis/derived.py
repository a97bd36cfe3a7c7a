"""What is worked out along the axes of a study: costs of noise, crossings of curves, winners."""

from collections.abc import Mapping
from pathlib import Path

from mae_bench.analysis.crossing import crossing_table, crossings
from mae_bench.analysis.noise_curves import curves_long, noise_curve_table, noise_curves
from mae_bench.analysis.scores import Scores
from mae_bench.analysis.tables import Table
from mae_bench.analysis.winners import columns_long, winner_columns, winner_tables


def derived_tables(
    scores: Scores, control: str | None, kinds: Mapping[str, str], folder: Path
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
    columns = winner_columns(scores, kinds)
    if winners := winner_tables(columns):
        folder.mkdir(parents=True, exist_ok=True)
        columns_long(columns).to_csv(folder / "winner_columns.csv", index=False)
        tables += winners
    return [table for table in tables if table is not None]
