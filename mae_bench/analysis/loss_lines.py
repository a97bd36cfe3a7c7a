"""Lines of pretraining losses: the mean over the runs of an arm, with marks that tell values."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes

from mae_bench.analysis.curves import Curve
from mae_bench.analysis.messages import message
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.plots import (
    GREY,
    arm_colours,
    arm_dashes,
    arm_marker,
    legend_name,
)
from mae_bench.analysis.scores import Scores
from mae_bench.analysis.spots import describe
from mae_bench.specs import point_label, trained_part

_NUM_MARKS = 9  # along one line
LANDMARK_DASHES = ((0, (5, 2)), (0, (5, 2, 1, 2)))


def drawn_curves(scores: Scores, curves: Sequence[Curve]) -> dict[str, list[Curve]]:
    """Return by arm the curves of one figure: where the study is read, the largest of them.

    That is the point of its reference setting, and there the largest corpus and share of a budget.
    """
    point = trained_part(scores.reference.point)
    there = [curve for curve in curves if curve.point == point and curve.loss]
    largest = max((curve.axes[:2] for curve in there), default=None)
    chosen = [curve for curve in there if curve.axes[:2] == largest]
    by_arm = {arm.label: [c for c in chosen if c.arm == arm.label] for arm in scores.arms}
    return {label: of_arm for label, of_arm in by_arm.items() if of_arm}


def caption_at_point(scores: Scores, caption: str) -> str:
    """Return the caption of a figure of `drawn_curves`; in a grid it begins with their point."""
    point = trained_part(scores.reference.point)
    if not point:
        return caption
    return message("points.at", point=point_label(point)) + message("list.space") + caption


def on_one_grid(tokens: Sequence[Sequence[float]], values: Sequence[Array]) -> tuple[Array, Array]:
    """Return tokens [T] up to the end of the shortest run, and the values of all runs [runs, T].

    Past it a mean would move because runs drop out. Where no run has any there is no point.
    """
    longest = np.array(max(tokens, key=lambda seen: seen[-1]), dtype=float)
    grid = longest[longest <= min(seen[-1] for seen in tokens)]
    pairs = zip(tokens, values, strict=True)
    stacked = np.stack([np.interp(grid, seen, shown) for seen, shown in pairs])
    is_there = np.isfinite(stacked).any(axis=0)
    return grid[is_there], stacked[:, is_there]


def draw_mean(
    axis: Axes,
    scores: Scores,
    label: str,
    grid: Array,
    values: Array,
    said: Callable[[float, float], str],
    *,
    is_log: bool,
) -> None:
    """Draw the mean of an arm's runs in its colour, dashes and marker, with a legend entry.

    Args:
        axis: of the drawing.
        scores: for the looks of the arm.
        label: of the arm.
        grid: tokens [T].
        values: of the runs [runs, T].
        said: what a mark says, from tokens and value.
        is_log: whether the axis of tokens is logarithmic, for marks at even distances.
    """
    if not len(grid):
        return  # no run has a finite loss
    mean = np.nanmean(values, axis=0)
    compared = [arm.label for arm in scores.arms]
    # marks of two arms that run together stand beside one another
    shift = compared.index(label) / len(compared)
    shares = (np.arange(_NUM_MARKS) + shift) / _NUM_MARKS
    first, last = float(grid[0]), float(grid[-1])
    wanted = (
        first * (last / first) ** shares
        if is_log and first > 0
        else first + (last - first) * shares
    )
    marked = sorted({*np.searchsorted(grid, wanted).clip(0, len(grid) - 1).tolist(), len(grid) - 1})
    (line,) = axis.plot(
        grid,
        mean,
        color=arm_colours(scores)[label],
        ls=arm_dashes(scores, label),
        marker=arm_marker(scores, label),
        markevery=marked,
        ms=5,
        mec="white",
        mew=0.6,
        lw=1.9,
        label=legend_name(label),
        zorder=3,
    )
    describe(line, {index: said(float(grid[index]), float(mean[index])) for index in marked})


def draw_landmark(axis: Axes, height: float, name: str, rank: int) -> None:
    """Draw a grey line across the axis that the legend names, where it covers no curve."""
    dashes = LANDMARK_DASHES[rank]
    line = axis.axhline(height, color=GREY, lw=1.4, ls=dashes, label=legend_name(name), zorder=1)
    describe(line, name)
