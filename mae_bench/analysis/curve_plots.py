"""Figures of scores against labels, noise and pretraining text."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from mae_bench.analysis.messages import joined, message, word
from mae_bench.analysis.plots import (
    GREY,
    MAX_PANELS,
    Picture,
    add_legend,
    arm_colours,
    arm_dashes,
    arm_marker,
    floor_dashes,
    floors_in_reach,
    left_out,
    legend_columns,
    legend_name,
    panel_grid,
)
from mae_bench.analysis.scores import COMPARED, Cell, Scores, Setting, noise_name
from mae_bench.analysis.spots import Reading, describe
from mae_bench.analysis.units import amount, axis_label


def _caption(scores: Scores, setting: Setting) -> str:
    return joined([message("figure.bars"), left_out(scores.tasks_in(setting))])


def _family(scores: Scores, setting: Setting, field: str) -> list[Setting]:
    """Return the settings that differ from this one in a single field at most."""
    blank: dict[str, Any] = {field: None}
    return [s for s in scores.settings if replace(s, **blank) == replace(setting, **blank)]


def size_picture(scores: Scores, setting: Setting) -> Picture | None:
    """Draw scores against the number of labelled examples, or None with a single size."""
    family = _family(scores, setting, "train_size")
    if len(family) < 2:
        return None
    return Picture(
        f"sizes-{setting.slug_with('any', setting.noise.label)}",
        message(
            "figure.sizes", protocol=setting.protocol, noise=word("setting", setting.noise.label)
        ),
        _caption(scores, family[0]),
        _curves_over(
            scores, family, lambda cell, _: float(cell.n_train or np.nan), "figure.labels", True
        ),
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
    return Picture(
        f"noise-{setting.slug_with(str(setting.train_size), noise)}",
        message("figure.noise", setting=setting.label_with(noise)),
        _caption(scores, family[0]),
        _curves_over(scores, family, lambda _, s: s.noise.rate, "figure.rate", False, noise=noise),
    )


def noise_names(scores: Scores) -> list[str]:
    """Return the noises of the study, without their rates."""
    names = dict.fromkeys(noise_name(setting.noise) for setting in scores.settings)
    return [name for name in names if name != "clean"]


def corpus_picture(scores: Scores, setting: Setting) -> Picture | None:
    """Draw scores against the size of the pretraining corpus, or None with a single one."""
    return _along(scores, setting, "corpus_tokens", "corpus", is_log=True)


def split_picture(scores: Scores, setting: Setting) -> Picture | None:
    """Draw scores against the share of a budget that pretraining gets; None with a single one."""
    return _along(scores, setting, "pretrain_ratio", "split", is_log=False)


def _along(
    scores: Scores, setting: Setting, field: str, slug: str, *, is_log: bool
) -> Picture | None:
    """Draw scores against a field that is a number; None with a single one."""
    family = _family(scores, setting, field)
    if len(family) < 2:
        return None
    blank: dict[str, Any] = {field: None}
    where = replace(setting, **blank)

    def x_of(_: Cell, there: Setting) -> float:
        x = getattr(there, field)
        return np.nan if x is None else float(x)

    return Picture(
        f"{slug}-{where.slug}",
        message(f"figure.{slug}", setting=where.label),
        _caption(scores, family[0]),
        _curves_over(scores, family, x_of, f"figure.{slug}_axis", is_log),
    )


def _curves_over(
    scores: Scores,
    family: Sequence[Setting],
    x_of: Callable[[Cell, Setting], float],
    key: str,
    is_log: bool,
    **values: str,
) -> Callable[[bool], Figure]:
    tasks = scores.tasks_in(family[0])[:MAX_PANELS]
    labels = [arm.label for arm in scores.arms]

    def draw(is_wide: bool) -> Figure:
        legend_lines = -(-len(labels) // legend_columns(labels, 10.3 if is_wide else 4.2))
        figure, axes, columns = panel_grid(len(tasks), is_wide, 2.5, foot=0.25 * legend_lines + 0.1)
        for axis, task in zip(axes, tasks, strict=True):
            if is_log:
                axis.set_xscale("log")
            ticks = _curves_of_task(axis, scores, task, family, x_of, is_log)
            shown = ticks if len(ticks) <= 6 else ticks[:: -(-len(ticks) // 6)]
            axis.set_xticks(shown, [_short(x) for x in shown])
            axis.minorticks_off()
            axis.set_title(task)
            axis.set_xlabel(message(key, **values))
        shared = scores.shared_measure(family[0])
        for index, (axis, task) in enumerate(zip(axes, tasks, strict=True)):
            if shared is None:  # each panel has an axis of its own kind
                metric = scores.metric(task, family[0]) or message("figure.score")
                axis.set_ylabel(axis_label(scores.measure(task, family[0]), metric))
            elif index % columns == 0:
                axis.set_ylabel(axis_label(shared, message("figure.score")))
        sns.despine(figure)
        add_legend(figure, *axes)
        return figure

    return draw


def _curves_of_task(
    axis: Axes,
    scores: Scores,
    task: str,
    family: Sequence[Setting],
    x_of: Callable[[Cell, Setting], float],
    is_log: bool,
) -> list[float]:
    """Draw a line for each arm and return the values of x that have points."""
    colours = arm_colours(scores)
    measure = scores.measure(task, family[0])
    factor = measure.factor
    axis.fmt_ydata = Reading(measure)
    lines = {}
    values = [
        scores.values(arm.label, task, setting)
        for arm in scores.of_role(*COMPARED, "untrained")
        for setting in family
    ]
    far = ""
    for arm in (*scores.of_role(*COMPARED, "untrained"), *scores.of_role("floor")):
        if arm.role == "floor":
            near, far = floors_in_reach(scores, task, family[0], np.concatenate(values))
            if arm.label not in near:
                continue
        cells = [(scores.cells.get((arm.label, task, setting)), setting) for setting in family]
        points = [(x_of(c, s), c.mean, c.low, c.high) for c, s in cells if c and c.n]
        if points:
            lines[arm] = np.array(sorted(points)).T
    if far:
        is_below = measure.sign > 0
        axis.annotate(
            ("\N{DOWNWARDS ARROW} " if is_below else "\N{UPWARDS ARROW} ") + far,
            (0.5, 0.0 if is_below else 1.0),
            (0, 2 if is_below else -2),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="center",
            va="bottom" if is_below else "top",
            fontsize=8.5,
            color=GREY,
        )
        axis.margins(y=0.13)
    ticks = sorted({float(x) for points in lines.values() for x in points[0]})
    trained = [arm for arm in lines if arm.role in COMPARED]
    for arm, (x, mean, low, high) in lines.items():
        if arm.role not in COMPARED:
            dashes = floor_dashes(scores, arm.label)
            name = legend_name(arm.label)
            (line,) = axis.plot(
                x, factor * mean, color=GREY, lw=1.4, ls=dashes, label=name, zorder=1
            )
            said = [
                f"{arm.label} ({at:g}): {amount(measure, y)}" for at, y in zip(x, mean, strict=True)
            ]
            describe(line, dict(enumerate(said)))
            continue
        side = 0.014 * (trained.index(arm) - (len(trained) - 1) / 2)
        moved = x * (ticks[-1] / ticks[0]) ** side if is_log else x + (ticks[-1] - ticks[0]) * side
        axis.errorbar(
            moved,
            factor * mean,
            yerr=factor * np.stack([mean - low, high - mean]),
            label=legend_name(arm.label),
            color=colours[arm.label],
            marker=arm_marker(scores, arm.label),
            ls=arm_dashes(scores, arm.label),
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
