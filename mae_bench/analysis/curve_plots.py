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
    GREY,
    MAX_PANELS,
    Picture,
    add_legend,
    arm_colours,
    arm_marker,
    floor_dashes,
    floors_in_reach,
    legend_columns,
    panel_grid,
    solve_layout,
)
from mae_bench.analysis.scores import Cell, Scores, Setting, aggregate, noise_name
from mae_bench.analysis.tables import TIMES, mean_costs

_BARS = "Mean over seeds with its 95% interval, set apart sideways; grey lines: floors."


def _family(scores: Scores, setting: Setting, field: str) -> list[Setting]:
    """Return the settings that differ from this one in a single field at most."""
    blank: dict[str, Any] = {field: None}
    return [s for s in scores.settings if s._replace(**blank) == setting._replace(**blank)]


def size_picture(scores: Scores, setting: Setting) -> Picture | None:
    """Draw scores against the number of labelled examples, or None with a single size."""
    family = _family(scores, setting, "train_size")
    if len(family) < 2:
        return None
    return Picture(
        f"sizes-{setting._replace(train_size='any').slug}",
        f"Score against labelled examples: {setting.protocol}, {setting.noise}",
        _BARS,
        _curves_over(scores, family, lambda cell, _: float(cell.n_train or np.nan), "labels", True),
    )


def noise_picture(scores: Scores, setting: Setting, noise: str) -> Picture | None:
    """Draw scores against the rate of one noise, clean text at rate 0; None without two rates."""
    family = [
        other
        for other in _family(scores, setting, "noise")
        if noise_name(other.noise) in ("clean", noise)
    ]
    if len(family) < 2:
        return None
    where = setting._replace(noise=noise)
    return Picture(
        f"noise-{where.slug}",
        f"Score against noise: {where.label}",
        _BARS,
        _curves_over(scores, family, lambda cell, _: cell.noise_rate, f"rate of {noise}", False),
    )


def noise_names(scores: Scores) -> list[str]:
    """Return the noises of the study, without their rates."""
    names = dict.fromkeys(noise_name(setting.noise) for setting in scores.settings)
    return [name for name in names if name != "clean"]


def corpus_picture(scores: Scores, setting: Setting) -> Picture | None:
    """Draw scores against the size of the pretraining corpus, or None with a single one."""
    family = _family(scores, setting, "corpus_tokens")
    if len(family) < 2:
        return None
    where = setting._replace(corpus_tokens=None)
    return Picture(
        f"corpus-{where.slug}",
        f"Score against pretraining text: {where.label}",
        _BARS,
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
) -> Callable[[bool], Figure]:
    tasks = scores.tasks[:MAX_PANELS]
    labels = [arm.label for arm in scores.arms]

    def draw(is_wide: bool) -> Figure:
        legend_lines = -(-len(labels) // legend_columns(labels, 10.3 if is_wide else 4.2))
        figure, axes, columns = panel_grid(len(tasks), is_wide, 2.5, foot=0.25 * legend_lines + 0.1)
        for axis, task in zip(axes, tasks, strict=True):
            if is_log:
                axis.set_xscale("log")
            ticks = _curves_of_task(axis, scores, task, family, place, is_log)
            shown = ticks if len(ticks) <= 6 else ticks[:: -(-len(ticks) // 6)]
            axis.set_xticks(shown, [_short(x) for x in shown])
            axis.minorticks_off()
            axis.set_title(task)
            axis.set_xlabel(name)
        for axis in axes[::columns]:
            axis.set_ylabel(f"score {TIMES} 100")
        sns.despine(figure)
        add_legend(figure, max(axes, key=lambda a: len(a.get_legend_handles_labels()[1])))
        return figure

    return draw


def _curves_of_task(
    axis: Axes,
    scores: Scores,
    task: str,
    family: Sequence[Setting],
    place: Callable[[Cell, Setting], float],
    is_log: bool,
) -> list[float]:
    """Draw a line for each arm and return the places on the horizontal axis."""
    colours = arm_colours(scores)
    lines = {}
    values = [
        scores.values(arm.label, task, setting)
        for arm in scores.of_role("trained", "untrained")
        for setting in family
    ]
    far = ""
    for arm in (*scores.of_role("trained", "untrained"), *scores.of_role("floor")):
        if arm.role == "floor":
            near, far = floors_in_reach(scores, task, family[0], np.concatenate(values))
            if arm.label not in near:
                continue
        cells = [(scores.cells.get((arm.label, task, setting)), setting) for setting in family]
        points = [(place(c, s), c.mean, c.low, c.high) for c, s in cells if c and c.n]
        if points:
            lines[arm] = np.array(sorted(points)).T
    if far:
        axis.annotate(
            f"\N{DOWNWARDS ARROW} {far}",
            (0.5, 0.0),
            (0, 2),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8.5,
            color=GREY,
        )
        axis.margins(y=0.13)
    ticks = sorted({float(x) for points in lines.values() for x in points[0]})
    trained = [arm for arm in lines if arm.role == "trained"]
    for arm, (x, mean, low, high) in lines.items():
        if arm.role != "trained":
            dashes = floor_dashes(scores, arm.label)
            axis.plot(x, 100 * mean, color=GREY, lw=1.4, ls=dashes, label=arm.label, zorder=1)
            continue
        side = 0.014 * (trained.index(arm) - (len(trained) - 1) / 2)
        moved = x * (ticks[-1] / ticks[0]) ** side if is_log else x + (ticks[-1] - ticks[0]) * side
        axis.errorbar(
            moved,
            100 * mean,
            yerr=100 * np.stack([mean - low, high - mean]),
            label=arm.label,
            color=colours[arm.label],
            marker=arm_marker(scores, arm.label),
            ms=5,
            lw=1.8,
            elinewidth=1.4,
            mec="white",
            mew=0.6,
            zorder=3,
        )
    return ticks


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
    lowest = min(100 * whole["mean"] for _, whole, _ in points)
    highest = max(100 * whole["mean"] for _, whole, _ in points)
    found = {
        arm.label: 100 * aggregate(scores, arm.label, setting)["mean"]
        for arm in scores.of_role("floor", "untrained")
    }
    # A floor far below would flatten everything else.
    reach = max(5.0, highest - lowest)
    floors = {label: mean for label, mean in found.items() if mean > lowest - reach}

    def draw(is_wide: bool) -> Figure:
        figure, axes, _ = panel_grid(2, is_wide, 3.4, foot=0.3)
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
            for label, mean in floors.items():
                dashes = floor_dashes(scores, label)
                axis.axhline(mean, color=GREY, lw=1.4, ls=dashes, label=label, zorder=1)
            axis.margins(x=0.3, y=0.16)
            axis.set_xlim(left=max(0.0, axis.get_xlim()[0]))
            axis.set_xlabel(name)
            axis.xaxis.set_major_locator(MaxNLocator(5))
            if field == "whole_flops":
                axis.xaxis.set_major_formatter(EngFormatter(sep=" "))
        axes[0].set_ylabel(f"mean of tasks {TIMES} 100")
        sns.despine(figure)
        add_legend(figure, axes[0])
        solve_layout(figure)
        for axis, field in zip(axes, ("whole_flops", "pretrain_s"), strict=True):
            spots = [(float(cost[field]), 100 * whole["mean"]) for _, whole, cost in points]
            bars = [
                (x, 100 * whole[end])
                for (x, _), (_, whole, _) in zip(spots, points, strict=True)
                for end in ("low", "high")
                if np.isfinite(whole[end])
            ]
            _label_points(axis, spots, bars, [label for label, _, _ in points], colours)
        return figure

    caption = (
        f"Mean of all tasks; {setting.label}. Upper left is better: more score for less work. "
        "Grey lines: floors, where they lie near."
    )
    return Picture(f"costs-{setting.slug}", "Score against cost", caption, draw)


def _label_points(
    axis: Axes,
    spots: Sequence[tuple[float, float]],
    bars: Sequence[tuple[float, float]],
    labels: Sequence[str],
    colours: Mapping[str, Any],
) -> None:
    """Write each label beside its point, at the first place where it covers nothing."""
    renderer = cast(Any, axis.figure.canvas).get_renderer()
    pixels = axis.transData.transform(np.array([*spots, *bars]))
    taken = [Bbox.from_bounds(x - 6, y - 6, 12, 12) for x, y in pixels]
    frame = axis.get_window_extent(renderer)
    beside = ((9, "left"), (-9, "right"))
    offsets = [
        *((dx, 0, side) for dx, side in beside),
        (0, 18, "center"),
        (0, -18, "center"),
        *((dx, dy, side) for dy in (11, -11, 24, -24, 36, -36) for dx, side in beside),
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
            is_inside = is_inside and box.y1 <= frame.y1
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

    def draw(is_wide: bool) -> Figure:
        figure, (axis,), _ = panel_grid(1, is_wide, 3.6)
        figure.set_size_inches(8.4 if is_wide else 4.2, 3.9 if is_wide else 3.4)
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
