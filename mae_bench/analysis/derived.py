"""What is worked out along an axis of a study: costs of noise, crossings of learning curves."""

from pathlib import Path

from mae_bench.analysis.crossing import crossing_table, crossings
from mae_bench.analysis.noise_curves import curves_long, noise_curve_table, noise_curves
from mae_bench.analysis.scores import Scores
from mae_bench.analysis.tables import Table


def derived_tables(scores: Scores, control: str | None, folder: Path) -> list[Table]:
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
    return [table for table in tables if table is not None]
