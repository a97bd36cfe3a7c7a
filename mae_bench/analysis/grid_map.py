"""A map of a grid: every arm against the control, point by point."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mae_bench.analysis.claims import Verdict
from mae_bench.analysis.grid_families import factor_name, grid_factors, level_text
from mae_bench.analysis.messages import message, word
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.plots import GREY, MAX_PANELS, Picture, panel_grid
from mae_bench.analysis.score_tables import COLLAPSE_MARK
from mae_bench.analysis.scores import Scores
from mae_bench.analysis.tables import difference
from mae_bench.measures import Measure
from mae_bench.specs import NO_POINT, Point, Study
from mae_bench.specs.combinations import Factor
from mae_bench.specs.grid_points import points_of

_SIGNS = {
    "supported": "\N{BLACK UP-POINTING TRIANGLE}",
    "refuted": "\N{BLACK DOWN-POINTING TRIANGLE}",
}


def map_picture(
    scores: Scores, study: Study, versus: Sequence[Verdict], control: str | None
) -> Picture | None:
    """Draw each arm against the control at every point: a map over the first two factors.

    None without two factors, without a control, and where tasks have no common unit.
    """
    factors = grid_factors(study)
    measure = scores.shared_measure(scores.reference)
    arms = [arm.label for arm in scores.of_role("trained") if arm.label != control][:MAX_PANELS]
    if len(factors) < 2 or control is None or measure is None or not arms:
        return None
    down, across = factors[0], factors[1]
    points = [at.point for at in points_of(study)]
    rows = list(dict.fromkeys(level_text(down, point) for point in points))
    columns = list(dict.fromkeys(level_text(across, point) for point in points))
    num_tasks = len(scores.tasks_in(scores.reference))
    base = replace(scores.reference, point=NO_POINT)
    found = {
        (verdict.claim.treatment, verdict.point): verdict
        for verdict in versus
        if (verdict.claim.task is None) == (num_tasks > 1) and verdict.setting[:-1] == base.key[:-1]
    }

    def draw(is_wide: bool) -> Figure:
        height = 0.9 + 0.45 * len(rows)
        figure, axes, beside = panel_grid(len(arms), is_wide, height)
        grids = [_grid(arm, found, points, down, across, rows, columns) for arm in arms]
        limit = max((np.nanmax(np.abs(g)) for g, _ in grids if np.isfinite(g).any()), default=1.0)
        for index, (axis, arm, (values, words)) in enumerate(zip(axes, arms, grids, strict=True)):
            _draw_map(axis, measure, values, words, limit or 1.0)
            axis.set_title(arm)
            axis.set_xticks(range(len(columns)), columns)
            axis.set_yticks(range(len(rows)), rows if index % beside == 0 else [""] * len(rows))
            axis.set_xlabel(factor_name(across))
            if index % beside == 0:
                axis.set_ylabel(factor_name(down))
        return figure

    (first, *_) = scores.tasks_in(scores.reference)
    caption = message(
        "points.map_figure",
        control=control,
        task=word("column", "mean of tasks") if num_tasks > 1 else first,
        unit=word("unit", measure.unit),
        setting=base.label,
        mark=COLLAPSE_MARK,
    )
    if len(factors) > 2:
        caption += message("list.space") + message("points.map_more")
    return Picture("grid-map", message("points.map", control=control), caption, draw)


def _grid(
    arm: str,
    found: dict[tuple[str, Point], Verdict],
    points: Sequence[Point],
    down: Factor,
    across: Factor,
    rows: Sequence[str],
    columns: Sequence[str],
) -> tuple[Array, dict[tuple[int, int], str]]:
    """Return mean differences by row and column, NaN where there is none, and decided marks."""
    by_field: dict[tuple[int, int], list[Verdict]] = {}
    for point in points:
        if (arm, point) in found:
            place = rows.index(level_text(down, point)), columns.index(level_text(across, point))
            by_field.setdefault(place, []).append(found[arm, point])
    values = np.full((len(rows), len(columns)), np.nan)
    marks = {}
    for place, verdicts in by_field.items():
        values[place] = np.mean([verdict.difference for verdict in verdicts])
        if len(verdicts) == 1:
            lost = COLLAPSE_MARK if verdicts[0].is_failure_bound else ""
            marks[place] = _SIGNS.get(verdicts[0].outcome, lost)
    return values, marks


def _draw_map(
    axis: Axes, measure: Measure, values: Array, marks: dict[tuple[int, int], str], limit: float
) -> None:
    gains = measure.sign * values
    axis.imshow(np.ma.masked_invalid(gains), cmap="RdBu", vmin=-limit, vmax=limit, aspect="auto")
    axis.grid(visible=False)
    axis.set_xticks(np.arange(values.shape[1] + 1) - 0.5, minor=True)
    axis.set_yticks(np.arange(values.shape[0] + 1) - 0.5, minor=True)
    axis.grid(which="minor", color="white", lw=2)
    axis.tick_params(which="both", length=0)
    for row, column in np.ndindex(*values.shape):
        value = float(values[row, column])
        if not np.isfinite(value):
            box = (column - 0.5, row - 0.5)
            axis.add_patch(Rectangle(box, 1, 1, fill=False, hatch="///", edgecolor=GREY, lw=0))
            continue
        text = f"{difference(value, measure)}{marks.get((row, column), '')}"
        is_dark = abs(value) > 0.6 * limit
        axis.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            fontsize=9.5,
            color="white" if is_dark else "black",
        )
