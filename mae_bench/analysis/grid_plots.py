"""Figures of a grid: what explains the scores, and lines along each factor."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from mae_bench.analysis.effect_tables import Analysed, term_name
from mae_bench.analysis.grid_families import factor_name, grid_factors, level_text
from mae_bench.analysis.messages import listed, message
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.plots import (
    MAX_PANELS,
    Picture,
    add_legend,
    arm_colours,
    arm_dashes,
    arm_marker,
    left_out,
    legend_columns,
    legend_name,
    panel_grid,
    series_colour,
)
from mae_bench.analysis.scores import Scores, Setting, summarise
from mae_bench.analysis.units import axis_label
from mae_bench.specs import NO_POINT, Point, Study
from mae_bench.specs.combinations import Factor
from mae_bench.specs.grid_points import points_of

_MAX_BARS = 12


def share_picture(found: Sequence[Analysed]) -> Picture | None:
    """Draw what explains the scores of each task, for the first family that has several terms."""
    name = found[0].of.family.name if found else ""
    shown = [each for each in found if each.of.family.name == name][:_MAX_BARS]
    if not shown or max(len(each.parts.terms) for each in shown) < 2:
        return None
    terms = list(dict.fromkeys(term.term for each in shown for term in each.parts.terms))

    def draw(is_wide: bool) -> Figure:
        parts = {term_name(term): [_share(each, term) for each in shown] for term in terms}
        parts[message("points.seed_common")] = [max(0.0, each.parts.seed_share) for each in shown]
        parts[message("points.seed_own")] = [max(0.0, each.parts.noise_share) for each in shown]
        width = 8.4 if is_wide else 4.2
        lines = -(-len(parts) // legend_columns(list(parts), width))
        figure, (axis,), _ = panel_grid(1, is_wide, 0.9 + 0.42 * len(shown), foot=0.25 * lines)
        figure.set_figwidth(width)
        left = np.zeros(len(shown))
        for index, (what, shares) in enumerate(parts.items()):
            is_seed = index >= len(terms)
            grey = "#d1d5db" if index == len(terms) else "#9ca3af"
            axis.barh(
                [each.of.task for each in shown],
                [100 * share for share in shares],
                left=left,
                height=0.62,
                color=grey if is_seed else series_colour(index),
                edgecolor="white",
                lw=0.8,
                label=legend_name(what),
            )
            for place, share in enumerate(shares):
                if share >= 0.07:
                    axis.text(
                        left[place] + 50 * share,
                        place,
                        f"{100 * share:.0f}",
                        ha="center",
                        va="center",
                        fontsize=9,
                        color="white" if not is_seed else "black",
                    )
            left = left + 100 * np.array(shares)
        axis.invert_yaxis()
        axis.set_xlabel(message("points.share_axis"))
        axis.grid(visible=False, axis="y")
        axis.set_xlim(0, max(100.0, float(left.max())))
        sns.despine(figure)
        add_legend(figure, axis)
        return figure

    caption = [
        message(
            "points.share_figure", grid=shown[0].of.family.shown, setting=shown[0].of.base.label
        )
    ]
    if not all(each.design.is_complete for each in shown):
        caption.append(message("points.share_gaps"))
    title, text = message("points.shares"), message("list.space").join(caption)
    return Picture("grid-shares", title, text, draw)


def _share(each: Analysed, term: tuple[str, ...]) -> float:
    return next((t.share for t in each.parts.terms if t.term == term), 0.0)


def line_pictures(scores: Scores, study: Study, reference: Setting) -> list[Picture]:
    """Draw the scores along each factor of the grid, the other factors averaged."""
    pictures = [_line_picture(scores, study, f, reference) for f in grid_factors(study)]
    return [picture for picture in pictures if picture is not None]


def _line_picture(
    scores: Scores, study: Study, factor: Factor, reference: Setting
) -> Picture | None:
    points = [at.point for at in points_of(study)]
    levels = list(dict.fromkeys(level_text(factor, point) for point in points))
    tasks = scores.tasks_in(reference)[:MAX_PANELS]
    lines = {
        arm.label: _common(points, factor, arm.label, scores) for arm in scores.of_role("trained")
    }
    found = [rests for rests in lines.values() if rests]
    kept = set.intersection(*found) if found else set()
    if len(levels) < 2 or not kept:
        return None
    name = factor_name(factor)

    def value(label: str, task: str, level: str) -> Array:
        """Return [S] means over the combinations of the other factors."""
        chosen = [p for p in points if level_text(factor, p) == level and _rest(p, factor) in kept]
        asked = [p for p in chosen if label not in scores.left_out.get(p, ())]
        if len(asked) < len(kept):
            return np.full(len(scores.seeds), np.nan)
        stacked = [scores.values(label, task, replace(reference, point=p)) for p in asked]
        return np.asarray(np.mean(stacked, axis=0), dtype=np.float64)

    def draw(is_wide: bool) -> Figure:
        figure, axes, columns = panel_grid(len(tasks), is_wide, 2.6, foot=0.35)
        colours = arm_colours(scores)
        for index, (axis, task) in enumerate(zip(axes, tasks, strict=True)):
            measure = scores.measure(task, reference)
            for place, label in enumerate(lines):
                side = 0.05 * (place - (len(lines) - 1) / 2)
                means, lows, highs = np.array(
                    [summarise(value(label, task, level)) for level in levels]
                ).T
                axis.errorbar(
                    np.arange(len(levels)) + side,
                    measure.factor * means,
                    yerr=measure.factor * np.stack([means - lows, highs - means]),
                    label=legend_name(label),
                    color=colours[label],
                    marker=arm_marker(scores, label),
                    ls=arm_dashes(scores, label),
                    ms=5,
                    lw=1.8,
                    elinewidth=1.4,
                    mec="white",
                    mew=0.6,
                )
            axis.set_xticks(range(len(levels)), levels)
            axis.set_xlim(-0.35, len(levels) - 0.65)
            axis.set_title(task)
            axis.set_xlabel(name)
            if index % columns == 0 or scores.shared_measure(reference) is None:
                axis.set_ylabel(
                    axis_label(measure, scores.metric(task, reference) or message("figure.score"))
                )
        sns.despine(figure)
        add_legend(figure, axes[0])
        return figure

    caption = [message("points.lines_figure", setting=replace(reference, point=NO_POINT).label)]
    if others := [factor_name(other) for other in grid_factors(study) if other != factor]:
        caption.append(message("points.lines_mean", fields=listed(others)))
    if scores.left_out:
        caption.append(message("points.lines_gaps"))
    slug = "".join(c if c.isalnum() else "-" for c in name)
    text = message("list.space").join(caption) + left_out(scores.tasks_in(reference))
    return Picture(f"grid-lines-{slug}", message("points.lines", field=name), text, draw)


def _rest(point: Point, factor: Factor) -> Point:
    return tuple(item for item in point if item[0] not in factor.fields)


def _common(points: Sequence[Point], factor: Factor, label: str, scores: Scores) -> set[Point]:
    """Return the values of the other factors that an arm has at each level where it is run."""
    by_level: dict[str, set[Point]] = {}
    for point in points:
        if label not in scores.left_out.get(point, ()):
            by_level.setdefault(level_text(factor, point), set()).add(_rest(point, factor))
    return set.intersection(*by_level.values()) if by_level else set()
