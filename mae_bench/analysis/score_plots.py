"""Figures of scores, and of their differences from the control, a panel for each task."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mae_bench.analysis.claims import Verdict
from mae_bench.analysis.messages import joined, message, word
from mae_bench.analysis.plots import (
    GREY,
    MAX_PANELS,
    Picture,
    add_legend,
    arm_colours,
    arm_marker,
    floor_dashes,
    floors_in_reach,
    left_out,
    legend_name,
    panel_grid,
)
from mae_bench.analysis.scores import COMPARED, Arm, Cell, Scores, Setting
from mae_bench.analysis.spots import Reading, describe
from mae_bench.analysis.units import amount, axis_label, difference_label
from mae_bench.measures import PLAIN


def error_bar(cell: Cell) -> Any:
    """Return the interval as distances from the mean, as shown; None without one."""
    if not np.isfinite(cell.low):
        return None
    ends = np.array([[cell.mean - cell.low], [cell.high - cell.mean]])
    return cell.measure.factor * ends


def _wrapped(label: str, width: int = 20) -> str:
    return "\n".join(textwrap.wrap(label, width)) or label


def _note(axis: Axes, line: int, words: str) -> None:
    """Write why a mark is missing on its line of the axis."""
    axis.annotate(
        words,
        (0.5, line),
        xycoords=("axes fraction", "data"),
        ha="center",
        va="center",
        color="#b91c1c",
        fontsize=9,
    )


def _name_arms(axis: Axes, arms: Sequence[Arm]) -> None:
    """Give each arm a line of the axis, the first at the top."""
    axis.set_yticks(range(len(arms)), [_wrapped(arm.label) for arm in reversed(arms)])
    axis.set_ylim(-0.6, len(arms) - 0.25)
    axis.grid(visible=False, axis="y")
    axis.xaxis.set_major_locator(MaxNLocator(5))


def _draw_seeds(
    axis: Axes, line: int, label: str, cell: Cell, seeds: Sequence[int], colour: object
) -> None:
    """Draw a small dot for each seed; each says its value."""
    (dots,) = axis.plot(
        cell.measure.factor * cell.values,
        np.full(len(cell.values), line),
        "o",
        ms=3.5,
        alpha=0.3,
        color=colour,
        mew=0,
    )
    values = [amount(cell.measure, value) for value in cell.values]
    said = [
        message("spots.seed", arm=label, seed=seed, value=value)
        for seed, value in zip(seeds, values, strict=True)
    ]
    describe(dots, dict(enumerate(said)), is_minor=True)


def score_picture(scores: Scores, setting: Setting) -> Picture | None:
    """Draw scores with intervals, a panel for each task; None while only floors have rows."""
    arms = scores.of_role(*COMPARED, "untrained")
    if not arms:
        return None
    colours = arm_colours(scores)
    tasks = scores.tasks_in(setting)[:MAX_PANELS]

    def draw(is_wide: bool) -> Figure:
        figure, axes, _ = panel_grid(
            len(tasks), is_wide, 0.9 + 0.36 * len(arms), share_y=True, foot=0.4
        )
        for axis, task in zip(axes, tasks, strict=True):
            measure = scores.measure(task, setting)
            axis.fmt_xdata = Reading(measure)
            for line, arm in enumerate(reversed(arms)):
                cell = scores.cells.get((arm.label, task, setting))
                if cell is None or not cell.n:
                    words = message("cell.not_run")
                    if cell is not None:
                        counts = {"failed": cell.num_failed, "seeds": len(scores.seeds)}
                        words = message("cell.failed", **counts)
                    _note(axis, line, words)
                    continue
                colour = colours[arm.label]
                _draw_seeds(axis, line, arm.label, cell, scores.seeds, colour)
                axis.errorbar(
                    measure.factor * cell.mean,
                    line,
                    xerr=error_bar(cell),
                    fmt=arm_marker(scores, arm.label),
                    color=colour,
                    ms=6.5,
                    lw=2.2,
                    mec="white",
                    mew=0.8,
                    zorder=3,
                )
                if cell.num_collapsed:
                    axis.annotate(
                        f"†{cell.num_collapsed}",
                        (measure.factor * cell.mean, line),
                        (0, 6),
                        textcoords="offset points",
                        ha="center",
                        fontsize=8,
                        color="#b91c1c",
                    )
            values = [scores.values(arm.label, task, setting) for arm in arms]
            near, far = floors_in_reach(scores, task, setting, np.concatenate(values))
            for label, mean in near.items():
                dashes, name = floor_dashes(scores, label), legend_name(label)
                floor = axis.axvline(mean, color=GREY, lw=1.4, ls=dashes, label=name, zorder=1)
                describe(floor, f"{label}: {amount(measure, mean / measure.factor)}")
            if far:
                is_left = measure.sign > 0
                axis.annotate(
                    f"\N{LEFTWARDS ARROW} {far}" if is_left else f"{far} \N{RIGHTWARDS ARROW}",
                    (0.0 if is_left else 1.0, 1.0),
                    (1 if is_left else -1, -2),
                    xycoords="axes fraction",
                    textcoords="offset points",
                    ha="left" if is_left else "right",
                    va="top",
                    fontsize=8.5,
                    color=GREY,
                )
            _name_arms(axis, arms)
            axis.set_title(task)
            axis.set_xlabel(
                axis_label(measure, scores.metric(task, setting) or message("figure.score"))
            )
        sns.despine(figure, left=True)
        add_legend(figure, *axes)
        return figure

    sentences = [message("figure.scores_caption"), left_out(scores.tasks_in(setting))]
    title = message("figure.scores", setting=setting.label)
    return Picture(f"scores-{setting.slug}", title, joined(sentences), draw)


def difference_picture(
    scores: Scores, verdicts: Sequence[Verdict], control: str, setting: Setting
) -> Picture | None:
    """Draw paired differences from the control, a panel for each task; filled where decided."""
    by_pair = {(v.claim.treatment, v.claim.task): v for v in verdicts}
    arms = [arm for arm in scores.of_role(*COMPARED) if arm.label != control]
    tasks: list[str | None] = [*scores.tasks_in(setting)[: MAX_PANELS - 1]]
    if any(task is None for _, task in by_pair):
        tasks.append(None)
    if not arms or not by_pair:
        return None
    colours = arm_colours(scores)

    def draw(is_wide: bool) -> Figure:
        height = 0.9 + 0.36 * len(arms)
        figure, axes, _ = panel_grid(len(tasks), is_wide, height, share_y=True)
        for axis, task in zip(axes, tasks, strict=True):
            axis.axvline(0, color="#111827", lw=1)
            for line, arm in enumerate(reversed(arms)):
                verdict = by_pair.get((arm.label, task))
                if verdict is None or not verdict.n:
                    _note(axis, line, message("cell.not_run"))
                    continue
                colour = colours[arm.label]
                is_decided = verdict.outcome in ("supported", "refuted")
                factor = verdict.measure.factor
                mean = factor * verdict.difference
                ends = None
                if np.isfinite(verdict.low):
                    ends = [[mean - factor * verdict.low], [factor * verdict.high - mean]]
                axis.errorbar(
                    mean,
                    line,
                    xerr=ends,
                    fmt=arm_marker(scores, arm.label),
                    color=colour,
                    ms=7.5,
                    lw=2.2,
                    mew=1.6,
                    mfc=colour if is_decided else "white",
                )
            _name_arms(axis, arms)
            axis.set_title(task or word("column", "mean of tasks"))
            measure = scores.measure(task, setting) if task else scores.shared_measure(setting)
            axis.set_xlabel(difference_label(measure or PLAIN))
            axis.fmt_xdata = Reading(measure or PLAIN, is_signed=True)
        sns.despine(figure, left=True)
        return figure

    sentences = [
        message("figure.differences_caption", setting=setting.label),
        left_out(scores.tasks_in(setting), MAX_PANELS - 1),
    ]
    title = message("figure.differences", control=control)
    return Picture(f"differences-{setting.slug}", title, joined(sentences), draw)
