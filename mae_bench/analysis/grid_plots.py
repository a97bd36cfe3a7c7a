"""Figures of a grid: what explains the scores, and lines along each factor."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from mae_bench.analysis.effect_tables import Analysed, term_name
from mae_bench.analysis.grid_families import factor_name, grid_factors, level_text
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.plots import (
    MAX_PANELS,
    Picture,
    add_legend,
    arm_colours,
    arm_marker,
    left_out,
    legend_columns,
    legend_name,
    panel_grid,
)
from mae_bench.analysis.scores import Scores, Setting, summarise
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
    palette = sns.color_palette("colorblind", 10)
    colours = [palette[i] for i in (0, 1, 2, 4, 9, 3, 6, 5, 8)]
    parts = {term_name(term): [_share(each, term) for each in shown] for term in terms}
    parts["seed (common to all arms)"] = [max(0.0, each.parts.seed_share) for each in shown]
    parts["seed (arm by arm)"] = [max(0.0, each.parts.noise_share) for each in shown]

    def draw(is_wide: bool) -> Figure:
        width = 8.4 if is_wide else 4.2
        lines = -(-len(parts) // legend_columns(list(parts), width))
        figure, (axis,), _ = panel_grid(1, is_wide, 0.9 + 0.42 * len(shown), foot=0.25 * lines)
        figure.set_figwidth(width)
        left = np.zeros(len(shown))
        for index, (what, shares) in enumerate(parts.items()):
            is_seed = what.startswith("seed")
            grey = "#d1d5db" if "common" in what else "#9ca3af"
            axis.barh(
                [each.of.task for each in shown],
                [100 * share for share in shares],
                left=left,
                height=0.62,
                color=grey if is_seed else colours[index % len(colours)],
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
        axis.set_xlabel("share of the variance of single runs (%)")
        axis.grid(visible=False, axis="y")
        axis.set_xlim(0, max(100.0, float(left.max())))
        sns.despine(figure)
        add_legend(figure, axis)
        return figure

    gaps = ""
    if not all(each.design.is_complete for each in shown):
        gaps = " Combinations are missing: what a bar lacks of 100 is shared among factors."
    caption = (
        f"{name.capitalize()}; {shown[0].of.base.label}. A share that chance takes below 0 is not "
        f"drawn, so that a bar may pass 100.{gaps} Intervals and tests stand in the table."
    )
    return Picture("grid-shares", "What explains the scores", caption, draw)


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
    kept = set.intersection(*(rests for rests in lines.values() if rests)) if lines else set()
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
                axis.set_ylabel(measure.heading(scores.metric(task, reference) or "score"))
        sns.despine(figure)
        add_legend(figure, axes[0])
        return figure

    others = [factor_name(other) for other in grid_factors(study) if other != factor]
    over = f", mean over {' and '.join(others)}" if others else ""
    gaps = " Combinations that some arm or value lacks are in no mean." if scores.left_out else ""
    caption = (
        f"{replace(reference, point=NO_POINT).label}{over}. Bars: 95% over seeds.{gaps}"
        f"{left_out(scores.tasks_in(reference))}"
    )
    slug = "".join(c if c.isalnum() else "-" for c in name)
    return Picture(f"grid-lines-{slug}", f"Scores along {name}", caption, draw)


def _rest(point: Point, factor: Factor) -> Point:
    return tuple(item for item in point if item[0] not in factor.fields)


def _common(points: Sequence[Point], factor: Factor, label: str, scores: Scores) -> set[Point]:
    """Return the values of the other factors that an arm has at each level where it is run."""
    by_level: dict[str, set[Point]] = {}
    for point in points:
        if label not in scores.left_out.get(point, ()):
            by_level.setdefault(level_text(factor, point), set()).add(_rest(point, factor))
    return set.intersection(*by_level.values()) if by_level else set()
