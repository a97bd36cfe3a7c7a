"""All that a report says of a study's grid: tables, figures, and files of numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mae_bench.analysis.claims import Verdict
from mae_bench.analysis.effect_tables import (
    analysed,
    comparisons_table,
    levels_table,
    numbers,
    shares_table,
)
from mae_bench.analysis.grid_crossings import grid_crossing_table, grid_crossings
from mae_bench.analysis.grid_families import Options, families, measured
from mae_bench.analysis.grid_map import map_picture
from mae_bench.analysis.grid_plots import line_pictures, share_picture
from mae_bench.analysis.plots import Picture
from mae_bench.analysis.scores import Scores
from mae_bench.analysis.tables import Table
from mae_bench.specs import NO_POINT, Study


@dataclass(frozen=True)
class GridPart:
    """The part of a report on the grid; empty where a study has none."""

    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()


def grid_part(
    scores: Scores,
    study: Study,
    options: Options,
    versus: Sequence[Verdict],
    control: str | None,
    folder: Path,
) -> GridPart:
    """Return tables and figures in the reference setting; write the numbers of all settings.

    Args:
        scores: of the primary metrics.
        study: that they belong to.
        options: of every arm with its defaults, by label.
        versus: comparisons with the control, in every setting.
        control: its label.
        folder: of the numbers; it must be there.
    """
    base = replace(scores.reference, point=NO_POINT)
    made = families(scores, study, options)
    found = analysed([each for family in made for each in measured(family, scores)])
    tables: list[Table | None] = []
    if found:
        for name, frame in numbers(found).items():
            frame.to_csv(folder / f"{name}.csv", index=False)
    if shown := [each for each in found if each.of.base == base]:
        tables += [shares_table(shown), levels_table(shown, scores)]
    pictures = [share_picture(shown)]
    if study.grid:
        pictures += [map_picture(scores, study, versus, control)]
        pictures += line_pictures(scores, study, scores.reference)
    if study.grid and control:
        settings = [s for s in scores.settings if replace(s, point=NO_POINT) == base]
        tables.append(comparisons_table(scores, versus, control, settings))
        crossed = grid_crossings(scores, study, control)
        if len(crossed):
            crossed.to_csv(folder / "grid_crossing_numbers.csv", index=False)
            tables.append(grid_crossing_table(crossed, scores, control))
    kept = [table for table in tables if table is not None and len(table.frame)]
    return GridPart(tuple(kept), tuple(picture for picture in pictures if picture is not None))
