"""The figure of whose variance it is: the share of pretraining in the spread of each arm."""

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mae_bench.analysis.messages import message
from mae_bench.analysis.plots import (
    GREY,
    MAX_PANELS,
    Picture,
    add_legend,
    arm_colours,
    left_out,
    legend_name,
    panel_grid,
)
from mae_bench.analysis.scores import Scores, Setting
from mae_bench.analysis.variance import share_of
from mae_bench.analysis.whose_variance import VarianceLine, shown_settings, variance_lines

_APART = 0.16  # of single scores and differences from the line between them


def variance_pictures(scores: Scores, control: str | None) -> list[Picture]:
    """Return a figure for each protocol whose checkpoints have several fine-tunes."""
    lines = [line for line in variance_lines(scores) if line.components is not None]
    pictures = []
    for setting in shown_settings(scores):
        here = [line for line in lines if line.setting == setting]
        if here:
            pictures.append(_picture(scores, setting, here, control))
    return pictures


def _picture(
    scores: Scores, setting: Setting, lines: list[VarianceLine], control: str | None
) -> Picture:
    every = list(dict.fromkeys(line.task for line in lines))
    tasks = every[:MAX_PANELS]
    arms = list(dict.fromkeys(line.arm for line in lines if line.against is None))
    colours = arm_colours(scores)

    def draw(is_wide: bool) -> Figure:
        height = 0.9 + 0.42 * len(arms)
        figure, axes, _ = panel_grid(len(tasks), is_wide, height, share_y=True, foot=0.4)
        for axis, task in zip(axes, tasks, strict=True):
            for row, arm in enumerate(reversed(arms)):
                for line in lines:
                    sides = {line.arm, line.against} - {None}
                    if line.task == task and sides in ({arm}, {arm, control}):
                        _mark(axis, row, line, colours[arm])
            for name, marker, fill in (("single", "o", GREY), ("differences", "D", "white")):
                legend = legend_name(message(f"variance.{name}"))
                axis.plot([], [], marker, color=GREY, mfc=fill, label=legend)
            axis.set_yticks(range(len(arms)), list(reversed(arms)))
            axis.set_ylim(-0.6, len(arms) - 0.4)
            axis.set_xlim(-3, 103)
            axis.grid(visible=False, axis="y")
            axis.set_title(task)
            axis.set_xlabel(message("variance.axis"))
        sns.despine(figure, left=True)
        add_legend(figure, axes[0])
        return figure

    against = message("variance.diamonds", control=control) if control else ""
    caption = f"{message('variance.figure')}{against}{left_out(every)}"
    title = message("variance.title", setting=setting.label)
    return Picture(f"whose-variance-{setting.slug}", title, caption, draw)


def _mark(axis: Axes, row: int, line: VarianceLine, colour: object) -> None:
    """Draw the share of one line with its interval."""
    assert line.components is not None
    share = 100 * line.components.share
    low, high = (100 * share_of(end) for end in line.components.ratio_interval())
    is_single = line.against is None
    axis.errorbar(
        share,
        row + (_APART if is_single else -_APART),
        xerr=[[max(share - low, 0.0)], [max(high - share, 0.0)]],
        fmt="o" if is_single else "D",
        color=colour,
        mfc=colour if is_single else "white",
        ms=6 if is_single else 5,
        lw=2 if is_single else 1.4,
    )
