"""Figures of curves: scores against labels, noise, text and cost, and the pretraining loss."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator
from matplotlib.transforms import Bbox

from mae_bench.analysis.curves import Curve
from mae_bench.analysis.plots import (
    FLOOR_DASHES,
    GREY,
    MAX_PANELS,
    Picture,
    add_legend,
    arm_colours,
    arm_marker,
    panel_grid,
)
from mae_bench.analysis.scores import Cell, Scores, Setting, aggregate
from mae_bench.analysis.tables import TIMES, mean_costs


def size_picture(scores: Scores, setting: Setting) -> Picture | None:
    """Draw scores against the number of labelled examples, or None with a single size."""
    family = [
        s for s in scores.settings if s._replace(train_size="") == setting._replace(train_size="")
    ]
    if len(family) < 2:
        return None
    caption = (
        f"{setting.protocol}, {setting.noise}. Mean over seeds with its 95% interval; "
        "grey lines: floors."
    )
    return Picture(
        f"sizes-{setting._replace(train_size='any').slug}",
        f"Score against labelled examples: {setting.protocol}, {setting.noise}",
        caption,
        _curves_over(scores, family, lambda cell, _: float(cell.n_train or np.nan), "labels", True),
    )


def noise_picture(scores: Scores, setting: Setting, noise: str) -> Picture | None:
    """Draw scores against the rate of one noise, clean text at rate 0; None without that noise."""
    rates = {cell.noise_name for (_, _, s), cell in scores.cells.items() if s == setting}
    family = [
        s
        for s in scores.settings
        if s._replace(noise="") == setting._replace(noise="")
        and (s.noise == "clean" or _name_of(scores, s) == noise)
    ]
    if len(family) < 2 or noise in rates:
        return None
    where = setting._replace(noise=noise)
    caption = f"{where.label}. Mean over seeds with its 95% interval; grey lines: floors."
    return Picture(
        f"noise-{where.slug}",
        f"Score against noise: {noise}, {setting.protocol}, {setting.train_size} labels",
        caption,
        _curves_over(scores, family, lambda cell, _: cell.noise_rate, f"rate of {noise}", False),
    )


def _name_of(scores: Scores, setting: Setting) -> str:
    return next((c.noise_name for (_, _, s), c in scores.cells.items() if s == setting), "")


def noise_names(scores: Scores) -> list[str]:
    """Return the noises of the study, without their rates."""
    names = dict.fromkeys(cell.noise_name for cell in scores.cells.values())
    return [name for name in names if name != "clean"]


def corpus_picture(scores: Scores, setting: Setting) -> Picture | None:
    """Draw scores against the size of the pretraining corpus, or None with a single one."""
    family = [
        s
        for s in scores.settings
        if s._replace(corpus_tokens=0) == setting._replace(corpus_tokens=0)
    ]
    if len(family) < 2:
        return None
    where = setting._replace(corpus_tokens=None)
    return Picture(
        f"corpus-{where.slug}",
        f"Score against pretraining text: {where.label}",
        "Mean over seeds with its 95% interval; grey lines: floors.",
        _curves_over(
            scores, family, lambda _, s: float(s.corpus_tokens or np.nan), "corpus tokens", True
        ),
    )


def _curves_over(
    scores: Scores,
    family: Sequence[Setting],
    place: Callable[[Cell, Setting], float],
    name: str,
    is_log: bool,
) -> Callable[[int], Figure]:
    colours = arm_colours(scores)
    tasks = scores.tasks[:MAX_PANELS]
    arms = [*scores.of_role("trained", "untrained"), *scores.of_role("floor")]

    def draw(columns: int) -> Figure:
        rows_of_legend = -(-len(arms) // (2 * min(columns, len(tasks))))
        figure, axes = panel_grid(len(tasks), columns, 2.6, foot=0.25 * rows_of_legend + 0.1)
        for axis, task in zip(axes, tasks, strict=True):
            ticks: set[float] = set()
            for rank, arm in enumerate(arms):
                points = []
                for setting in family:
                    cell = scores.cells.get((arm.label, task, setting))
                    if cell and cell.n:
                        points.append((place(cell, setting), cell.mean, cell.low, cell.high))
                if not points:
                    continue
                x, mean, low, high = np.array(sorted(points)).T
                ticks |= set(x)
                style: dict[str, Any] = {"color": colours[arm.label], "label": arm.label, "lw": 2}
                if arm.role == "trained":
                    style |= {"marker": arm_marker(scores, arm.label), "ms": 5.5, "zorder": 3}
                    axis.fill_between(
                        x, 100 * low, 100 * high, color=style["color"], alpha=0.12, lw=0
                    )
                else:
                    style |= {"lw": 1.4}
                    if arm.role == "floor":
                        style["ls"] = FLOOR_DASHES[rank % len(FLOOR_DASHES)]
                axis.plot(x, 100 * mean, **style)
            if is_log:
                axis.set_xscale("log")
            shown = sorted(ticks) if len(ticks) <= 6 else sorted(ticks)[:: -(-len(ticks) // 6)]
            axis.set_xticks(shown, [_short(x) for x in shown])
            axis.minorticks_off()
            axis.set_title(task)
            axis.set_xlabel(name)
        for axis in axes[:: min(columns, len(axes))]:
            axis.set_ylabel(f"score {TIMES} 100")
        sns.despine(figure)
        add_legend(figure, max(axes, key=lambda a: len(a.get_legend_handles_labels()[1])), columns)
        return figure

    return draw


def _short(value: float) -> str:
    return EngFormatter(sep="")(value) if value >= 10_000 else f"{value:g}"


def cost_picture(scores: Scores, rows: pd.DataFrame, setting: Setting) -> Picture | None:
    """Draw the mean score over tasks against FLOPs and against seconds of one pretraining."""
    costs = mean_costs(rows)
    if setting.corpus_tokens:
        costs = costs[costs["corpus_tokens"] == setting.corpus_tokens]
    by_arm = {str(cost["arm"]): cost for cost in costs.to_dict("records")}
    points = []
    for arm in scores.of_role("trained"):
        whole = aggregate(scores, arm.label, setting)
        if arm.label in by_arm and np.isfinite(whole["mean"]):
            points.append((arm.label, whole, by_arm[arm.label]))
    if not points:
        return None
    colours = arm_colours(scores)

    def draw(columns: int) -> Figure:
        figure, axes = panel_grid(2, columns, 3.4, foot=0.3)
        for axis, field, name in zip(
            axes,
            ("whole_flops", "pretrain_s"),
            ("FLOPs of one pretraining, teacher included", "seconds of one pretraining"),
            strict=True,
        ):
            for label, whole, cost in points:
                mean = 100 * whole["mean"]
                ends = None
                if np.isfinite(whole["low"]):
                    ends = [[mean - 100 * whole["low"]], [100 * whole["high"] - mean]]
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
            for place, arm in enumerate(scores.of_role("floor", "untrained")):
                mean = 100 * aggregate(scores, arm.label, setting)["mean"]
                if np.isfinite(mean):
                    axis.axhline(
                        mean, color=GREY, lw=1.4, ls=FLOOR_DASHES[place % 3], label=arm.label
                    )
            axis.margins(x=0.18, y=0.12)
            axis.set_xlim(left=max(0.0, axis.get_xlim()[0]))
            axis.set_xlabel(name)
            axis.xaxis.set_major_locator(MaxNLocator(5))
            if field == "whole_flops":
                axis.xaxis.set_major_formatter(EngFormatter(sep=" "))
        axes[0].set_ylabel(f"mean of tasks {TIMES} 100")
        sns.despine(figure)
        add_legend(figure, axes[0], columns)
        figure.draw_without_rendering()
        for axis, field in zip(axes, ("whole_flops", "pretrain_s"), strict=True):
            spots = [(float(cost[field]), 100 * whole["mean"]) for _, whole, cost in points]
            _label_points(axis, spots, [label for label, _, _ in points], colours)
        return figure

    caption = f"Mean of all tasks; {setting.label}. Upper left is better: more score for less work."
    return Picture(f"costs-{setting.slug}", "Score against cost", caption, draw)


def _label_points(
    axis: Axes,
    spots: Sequence[tuple[float, float]],
    labels: Sequence[str],
    colours: Mapping[str, Any],
) -> None:
    """Write each label beside its point, at the first place where it covers nothing."""
    renderer = cast(Any, axis.figure.canvas).get_renderer()
    pixels = axis.transData.transform(np.array(spots))
    taken = [Bbox.from_bounds(x - 6, y - 6, 12, 12) for x, y in pixels]
    frame = axis.get_window_extent(renderer)
    offsets = [
        (dx, dy, side)
        for dy in (0, 11, -11, 22, -22, 33, -33, 44, -44)
        for dx, side in ((9, "left"), (-9, "right"))
    ]
    for spot, label in zip(spots, labels, strict=True):
        note = None
        for dx, dy, side in offsets:
            if note is not None:
                note.remove()
            note = axis.annotate(
                label,
                spot,
                (dx, dy),
                textcoords="offset points",
                ha=side,
                va="center",
                fontsize=9,
                color=colours[label],
                fontweight="bold",
            )
            box = note.get_window_extent(renderer)
            is_inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 + 4 and frame.y0 <= box.y0
            if is_inside and not any(box.overlaps(other) for other in taken):
                break
        if note is not None:
            taken.append(note.get_window_extent(renderer))


def loss_picture(scores: Scores, curves: Sequence[Curve]) -> Picture | None:
    """Draw the pretraining losses against tokens, with the entropy of single words."""
    if not curves:
        return None
    largest = max(curve.corpus_tokens or 0 for curve in curves)
    chosen = [curve for curve in curves if (curve.corpus_tokens or 0) == largest]
    colours = arm_colours(scores)
    labels = [arm.label for arm in scores.arms if any(c.arm == arm.label for c in chosen)]
    entropy = next((c.unigram_entropy for c in chosen if c.unigram_entropy), None)

    def draw(columns: int) -> Figure:
        figure, (axis,) = panel_grid(1, 1, 3.6)
        figure.set_size_inches(4.3 if columns == 1 else 8.2, 3.4 if columns == 1 else 3.9)
        ends = {}
        for label in labels:
            runs = [c for c in chosen if c.arm == label and len(c.loss)]
            if not runs:
                continue
            grid = np.array(max((c.tokens for c in runs), key=lambda t: t[-1]))
            losses = np.stack([np.interp(grid, c.tokens, c.loss, right=np.nan) for c in runs])
            alive = np.isfinite(losses).any(axis=0)
            grid, losses = grid[alive], losses[:, alive]
            mean = np.nanmean(losses, axis=0)
            axis.plot(grid, mean, color=colours[label], lw=2)
            axis.fill_between(
                grid,
                np.nanmin(losses, axis=0),
                np.nanmax(losses, axis=0),
                color=colours[label],
                alpha=0.15,
                lw=0,
            )
            ends[label] = (float(grid[-1]), float(mean[-1]))
        if entropy:
            axis.axhline(entropy, color=GREY, lw=1.4, ls=(0, (5, 2)))
            axis.annotate(
                "entropy of single tokens",
                (0.99, entropy),
                (0, 3),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                ha="right",
                color=GREY,
                fontsize=9,
            )
        axis.set_xlabel("tokens seen")
        axis.set_ylabel("loss (nats per predicted unit)")
        axis.xaxis.set_major_formatter(EngFormatter(sep=" "))
        axis.set_xlim(left=0)
        axis.set_ylim(bottom=min(0.0, axis.get_ylim()[0]))
        sns.despine(figure)
        _label_ends(axis, ends, colours)
        return figure

    caption = (
        "Mean over seeds; the band is their range. A loss that predicts tokens and stays at the "
        "dashed line has learnt word frequencies only. Losses of different objectives are not "
        "comparable with one another."
    )
    return Picture("loss", "Pretraining loss", caption, draw)


def _label_ends(
    axis: Axes, ends: Mapping[str, tuple[float, float]], colours: Mapping[str, Any]
) -> None:
    """Write labels at the right of the axes, at the height of each line's end, moved apart."""
    if not ends:
        return
    bottom, top = axis.get_ylim()
    gap = (top - bottom) * 0.062
    right = axis.get_xlim()[1]
    heights: list[float] = []
    ordered = sorted(ends, key=lambda label: ends[label][1])
    for label in ordered:
        least = heights[-1] + gap if heights else -np.inf
        heights.append(max(ends[label][1], least))
    for label, height in zip(ordered, heights, strict=True):
        axis.annotate(
            label,
            ends[label],
            (right, height),
            xycoords="data",
            textcoords="data",
            va="center",
            fontsize=9,
            color=colours[label],
            fontweight="bold",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colours[label], "lw": 0.7, "alpha": 0.6},
        )
