"""Figures of pretraining: scores against what it cost, and its loss."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator
from matplotlib.transforms import Bbox

from mae_bench.analysis.costs import costs_at, mean_costs
from mae_bench.analysis.curves import Curve
from mae_bench.analysis.loss_lines import (
    caption_at_point,
    draw_landmark,
    draw_mean,
    drawn_curves,
    on_one_grid,
)
from mae_bench.analysis.messages import joined, message, word
from mae_bench.analysis.plots import (
    GREY,
    Picture,
    add_legend,
    arm_colours,
    arm_marker,
    floor_dashes,
    least_reach,
    legend_name,
    panel_grid,
    solve_layout,
)
from mae_bench.analysis.scores import Scores, Setting, aggregate
from mae_bench.analysis.tables import si
from mae_bench.analysis.units import axis_label


def cost_picture(scores: Scores, rows: pd.DataFrame, setting: Setting) -> Picture | None:
    """Draw the mean score over tasks against FLOPs and against seconds of one pretraining."""
    costs = costs_at(mean_costs(rows), setting)
    by_arm = {str(cost["arm"]): cost for cost in costs.to_dict("records")}
    measure = scores.shared_measure(setting)
    if measure is None:
        return None
    sign, factor = measure.sign, measure.factor
    points = []
    for arm in scores.of_role("trained"):
        whole = aggregate(scores, arm.label, setting)
        if arm.label in by_arm and np.isfinite(whole["mean"]):
            points.append((arm.label, whole, by_arm[arm.label]))
    if not points:
        return None
    colours = arm_colours(scores)
    gains = [sign * whole["mean"] for _, whole, _ in points]
    floor_means = {
        arm.label: aggregate(scores, arm.label, setting)["mean"]
        for arm in scores.of_role("floor", "untrained")
    }
    # A floor that is far worse would flatten everything else.
    least = min(gains) - max(2.5 * least_reach(measure), max(gains) - min(gains))
    floors = {label: factor * mean for label, mean in floor_means.items() if sign * mean > least}

    def draw(is_wide: bool) -> Figure:
        figure, axes, _ = panel_grid(2, is_wide, 3.4, foot=0.3)
        for axis, field, name in zip(
            axes,
            ("pretrain_flops", "pretrain_s"),
            ("figure.flops", "figure.seconds"),
            strict=True,
        ):
            for label, whole, cost in points:
                mean = factor * whole["mean"]
                ends = None
                if np.isfinite(whole["low"]):
                    ends = [[mean - factor * whole["low"]], [factor * whole["high"] - mean]]
                axis.errorbar(
                    float(cost[field]),
                    mean,
                    yerr=ends,
                    fmt=arm_marker(scores, label),
                    ms=7.5,
                    lw=2,
                    color=colours[label],
                    mec="white",
                    mew=0.8,
                    zorder=3,
                )
            for label, mean in floors.items():
                dashes = floor_dashes(scores, label)
                floor = legend_name(label)
                axis.axhline(mean, color=GREY, lw=1.4, ls=dashes, label=floor, zorder=1)
            axis.margins(x=0.3, y=0.16)
            _widen(axis)
            axis.set_xlabel(message(name))
            axis.xaxis.set_major_locator(MaxNLocator(5))
            if field == "pretrain_flops":
                axis.xaxis.set_major_formatter(EngFormatter(sep=" "))
        axes[0].set_ylabel(axis_label(measure, word("column", "mean of tasks")))
        sns.despine(figure)
        add_legend(figure, axes[0])
        solve_layout(figure)
        for axis, field in zip(axes, ("pretrain_flops", "pretrain_s"), strict=True):
            spots = [(float(cost[field]), factor * whole["mean"]) for _, whole, cost in points]
            bars = [
                (x, factor * whole[end])
                for (x, _), (_, whole, _) in zip(spots, points, strict=True)
                for end in ("low", "high")
                if np.isfinite(whole[end])
            ]
            _label_points(axis, spots, bars, [label for label, _, _ in points], colours)
        return figure

    corner = "figure.costs_caption_upper" if sign > 0 else "figure.costs_caption_lower"
    has_teacher = any(cost["teacher_pretrain_flops"] > 0 for _, _, cost in points)
    sentences = [message(corner, setting=setting.label)]
    sentences += [message("figure.costs_teacher")] if has_teacher else []
    return Picture(f"costs-{setting.slug}", message("figure.costs"), joined(sentences), draw)


def _widen(axis: Axes) -> None:
    """Show costs that are nearly alike as such: two fifths of their size at least, and no minus."""
    low, high = axis.get_xlim()
    middle, half = (low + high) / 2, max((high - low) / 2, (low + high) / 10)
    axis.set_xlim(max(0.0, middle - half), middle + half)


def _label_points(
    axis: Axes,
    spots: Sequence[tuple[float, float]],
    bars: Sequence[tuple[float, float]],
    labels: Sequence[str],
    colours: Mapping[str, object],
) -> None:
    """Write each label beside its point, at the first offset where it covers nothing."""
    renderer = cast(Any, axis.figure.canvas).get_renderer()
    pixels = axis.transData.transform(np.array([*spots, *bars]))
    taken = [Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in pixels]
    frame = axis.get_window_extent(renderer)
    for line in axis.lines:
        heights = np.array(line.get_ydata(), dtype=float)
        if len(heights) == 2 and heights[0] == heights[1]:  # a floor, across the panel
            y = axis.transData.transform((0, heights[0]))[1]
            taken.append(Bbox.from_extents(frame.x0, y - 1, frame.x1, y + 1))
    beside = ((9, "left"), (-9, "right"))
    offsets = [
        *((dx, 0, side) for dx, side in beside),
        (0, 18, "center"),
        (0, -18, "center"),
        *((dx, dy, side) for dy in (11, -11, 24, -24, 36, -36) for dx, side in beside),
    ]
    for spot, label in zip(spots, labels, strict=True):
        boxes = []
        for dx, dy, side in offsets:
            note = _label_of(axis, label, spot, (dx, dy), side, colours[label])
            boxes.append(note.get_window_extent(renderer))
            note.remove()
        free = [
            index
            for index, box in enumerate(boxes)
            if frame.x0 <= box.x0 and box.x1 <= frame.x1 + 4
            if frame.y0 <= box.y0 and box.y1 <= frame.y1
            if not any(box.overlaps(other) for other in taken)
        ]
        chosen = free[0] if free else 0
        dx, dy, side = offsets[chosen]
        _label_of(axis, label, spot, (dx, dy), side, colours[label], has_thread=abs(dy) > 18)
        taken.append(boxes[chosen])


def _label_of(
    axis: Axes,
    label: str,
    spot: tuple[float, float],
    offset: tuple[int, int],
    side: str,
    colour: object,
    has_thread: bool = False,
) -> Any:
    """Write a label beside its point; one that had to move away keeps a thread to it."""
    return axis.annotate(
        label,
        spot,
        offset,
        textcoords="offset points",
        ha=side,
        va="center",
        fontsize=9,
        color=colour,
        fontweight="bold",
        arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.8} if has_thread else None,
    )


def loss_picture(scores: Scores, curves: Sequence[Curve]) -> Picture | None:
    """Draw the pretraining losses against tokens, with the entropy of single words."""
    by_arm = drawn_curves(scores, curves)
    if not by_arm:
        return None
    colours = arm_colours(scores)
    entropies = [c.unigram_entropy for runs in by_arm.values() for c in runs if c.unigram_entropy]

    def draw(is_wide: bool) -> Figure:
        figure, (axis,), _ = panel_grid(1, is_wide, 3.6)
        foot = 0.2 * (len(by_arm) + 1)
        figure.set_size_inches(*((8.4, 4.3) if is_wide else (4.2, 3.2 + foot)))
        for label, runs in by_arm.items():
            grid, losses = on_one_grid([c.tokens for c in runs], [np.array(c.loss) for c in runs])
            least, most = np.nanmin(losses, axis=0), np.nanmax(losses, axis=0)
            axis.fill_between(grid, least, most, color=colours[label], alpha=0.15, lw=0)
            draw_mean(axis, scores, label, grid, losses, partial(_said, label), is_log=False)
        if entropies:
            draw_landmark(axis, entropies[0], message("figure.entropy"), 0)
        axis.set_xlabel(message("figure.tokens_seen"))
        axis.set_ylabel(message("figure.loss_axis"))
        axis.xaxis.set_major_formatter(EngFormatter(sep=" "))
        axis.set_xlim(left=0)
        sns.despine(figure)
        add_legend(figure, axis)
        return figure

    caption = caption_at_point(scores, message("figure.loss_caption"))
    return Picture("loss", message("figure.loss"), caption, draw)


def _said(label: str, tokens: float, loss: float) -> str:
    return message("spots.loss", arm=label, loss=f"{loss:.3f}", tokens=si(tokens))
