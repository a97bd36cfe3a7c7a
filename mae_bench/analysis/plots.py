"""Figures. Each function returns a picture that can be drawn wide, or narrow for a phone.

Colours belong to arms and never change between figures; floors are grey lines.
"""

import io
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mae_bench.analysis.claims import Verdict
from mae_bench.analysis.scores import Cell, Scores, Setting
from mae_bench.analysis.tables import TIMES

WIDE = 3  # panels beside one another on a page, and on a phone
NARROW = 1
MAX_PANELS = 12
GREY = "#6b7280"
FLOOR_DASHES: tuple[Any, ...] = ((0, (1, 1.6)), (0, (5, 2)), (0, (5, 2, 1, 2)))
_MARKERS = "osDv^P<X"
_STYLE: Any = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "axes.edgecolor": "#9ca3af",
    "axes.linewidth": 0.8,
    "grid.color": "#e5e7eb",
    "grid.linewidth": 0.8,
    "svg.hashsalt": "mae-bench",  # the same figure gives the same file
}


@dataclass(frozen=True)
class Picture:
    """One figure: its file name, its title, what to see in it, and how to draw it.

    Attributes:
        draw: makes the figure with this many panels beside one another.
    """

    slug: str
    title: str
    caption: str
    draw: Callable[[int], Figure]

    def save(self, folder: Path) -> None:
        """Write the wide figure as ``<slug>.png`` (150 dpi) and ``<slug>.svg``."""
        folder.mkdir(parents=True, exist_ok=True)
        figure = self._drawn(WIDE)
        figure.savefig(folder / f"{self.slug}.png", dpi=150)
        (folder / f"{self.slug}.svg").write_text(_svg(figure), encoding="utf-8")

    def narrow_svg(self) -> str:
        """Return the figure as SVG with one panel under another."""
        return _svg(self._drawn(NARROW))

    def _drawn(self, columns: int) -> Figure:
        with sns.axes_style("whitegrid", rc=_STYLE), matplotlib.rc_context(_STYLE):
            figure = self.draw(columns)
            # The layout is solved here once, not again for each file format.
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
            return figure


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def arm_colours(scores: Scores) -> dict[str, Any]:
    """Return a colour-blind-safe colour for each arm; grey for what is not trained."""
    palette = sns.color_palette("colorblind")
    chosen = [palette[i] for i in (0, 1, 2, 4, 3, 9, 6, 5)]  # without its grey and its yellow
    trained = scores.of_role("trained")
    colours: dict[str, Any] = {arm.label: GREY for arm in scores.arms}
    for place, arm in enumerate(trained):
        colours[arm.label] = chosen[place % len(chosen)]
    return colours


def arm_marker(scores: Scores, label: str) -> str:
    """Return the arm's marker: a circle for the first eight arms."""
    order = [arm.label for arm in scores.of_role("trained")]
    # Past the last colour, colours repeat with another marker.
    return _MARKERS[(order.index(label) // 8) % len(_MARKERS)] if label in order else "o"


def panel_grid(
    count: int, columns: int, height: float, share_y: bool = False, foot: float = 0.0
) -> tuple[Figure, list[Axes]]:
    """Return a figure with ``count`` axes, ``columns`` a line, and room for a legend below."""
    columns = min(columns, count)
    lines = -(-count // columns)
    width = 4.3 if columns == 1 else 3.3 * columns
    figure = Figure(figsize=(width, height * lines + foot), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(lines, columns, sharey=share_y, squeeze=False).ravel()
    for unused in axes[count:]:
        unused.set_axis_off()
    return figure, list(axes[:count])


def _wrapped(label: str, width: int = 20) -> str:
    return "\n".join(textwrap.wrap(label, width)) or label


def add_legend(figure: Figure, axes: Axes, columns: int) -> None:
    """Write the legend of one panel below the whole figure."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=min(len(labels), 2 * columns),
            frameon=False,
            handlelength=2.2,
            columnspacing=1.4,
        )


def error_bar(cell: Cell) -> Any:
    """Return the interval as distances x 100 from the mean; None without one."""
    if not np.isfinite(cell.low):
        return None
    return 100 * np.array([[cell.mean - cell.low], [cell.high - cell.mean]])


def score_picture(scores: Scores, setting: Setting) -> Picture:
    """Draw scores with intervals, a panel for each task."""
    arms = scores.of_role("trained", "untrained")
    colours = arm_colours(scores)
    tasks = scores.tasks[:MAX_PANELS]

    def draw(columns: int) -> Figure:
        figure, axes = panel_grid(
            len(tasks), columns, 0.9 + 0.36 * len(arms), share_y=columns > 1, foot=0.4
        )
        for axis, task in zip(axes, tasks, strict=True):
            for line, arm in enumerate(reversed(arms)):
                cell = scores.cells.get((arm.label, task, setting))
                if cell is None or not cell.n:
                    words = "not run" if cell is None else f"failed ({cell.num_failed})"
                    axis.annotate(
                        words,
                        (0.5, line),
                        xycoords=("axes fraction", "data"),
                        ha="center",
                        va="center",
                        color="#b91c1c",
                        fontsize=9,
                    )
                    continue
                colour = colours[arm.label]
                axis.plot(
                    100 * cell.values,
                    np.full(len(cell.values), line),
                    "o",
                    ms=3.5,
                    alpha=0.3,
                    color=colour,
                    mew=0,
                )
                axis.errorbar(
                    100 * cell.mean,
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
                        (100 * cell.mean, line),
                        (0, 6),
                        textcoords="offset points",
                        ha="center",
                        fontsize=8,
                        color="#b91c1c",
                    )
            _floor_lines(axis, scores, task, setting, axis.axvline)
            axis.set_yticks(range(len(arms)), [_wrapped(arm.label) for arm in reversed(arms)])
            axis.set_ylim(-0.6, len(arms) - 0.4)
            axis.grid(visible=False, axis="y")
            axis.xaxis.set_major_locator(MaxNLocator(5))
            axis.set_title(task)
            cells = [scores.cells.get((arm.label, task, setting)) for arm in arms]
            metric = next((cell.metric for cell in cells if cell), "score")
            axis.set_xlabel(f"{metric} {TIMES} 100")
        sns.despine(figure, left=True)
        add_legend(figure, axes[0], columns)
        return figure

    caption = (
        f"{setting.label}. Large marks: mean over seeds, with its 95% interval; small dots: the "
        "seeds; grey lines: floors that need no encoder; † collapsed runs."
    )
    return Picture(f"scores-{setting.slug}", f"Scores: {setting.label}", caption, draw)


def _floor_lines(
    axis: Axes, scores: Scores, task: str, setting: Setting, line: Callable[..., Any]
) -> None:
    for place, arm in enumerate(scores.of_role("floor")):
        cell = scores.cells.get((arm.label, task, setting))
        if cell and cell.n:
            line(
                100 * cell.mean,
                color=GREY,
                lw=1.4,
                label=arm.label,
                zorder=1,
                ls=FLOOR_DASHES[place % len(FLOOR_DASHES)],
            )


def difference_picture(
    scores: Scores, verdicts: Sequence[Verdict], control: str, setting: Setting
) -> Picture | None:
    """Draw paired differences from the control, a panel for each task; filled where decided."""
    found = {(v.claim.treatment, v.claim.task): v for v in verdicts}
    arms = [arm for arm in scores.of_role("trained") if arm.label != control]
    tasks: list[str | None] = [*scores.tasks[: MAX_PANELS - 1]]
    if any(task is None for _, task in found):
        tasks.append(None)
    if not arms or not found:
        return None
    colours = arm_colours(scores)

    def draw(columns: int) -> Figure:
        figure, axes = panel_grid(len(tasks), columns, 0.9 + 0.36 * len(arms), share_y=columns > 1)
        for axis, task in zip(axes, tasks, strict=True):
            axis.axvline(0, color="#111827", lw=1)
            for line, arm in enumerate(reversed(arms)):
                verdict = found.get((arm.label, task))
                if verdict is None or not verdict.n:
                    axis.annotate(
                        "not run",
                        (0.5, line),
                        xycoords=("axes fraction", "data"),
                        ha="center",
                        va="center",
                        color="#b91c1c",
                        fontsize=9,
                    )
                    continue
                colour = colours[arm.label]
                is_decided = verdict.outcome in ("supported", "refuted")
                mean = 100 * verdict.difference
                ends = None
                if np.isfinite(verdict.low):
                    ends = [[mean - 100 * verdict.low], [100 * verdict.high - mean]]
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
            axis.set_yticks(range(len(arms)), [_wrapped(arm.label) for arm in reversed(arms)])
            axis.set_ylim(-0.6, len(arms) - 0.4)
            axis.grid(visible=False, axis="y")
            axis.xaxis.set_major_locator(MaxNLocator(5))
            axis.set_title(task or "mean of tasks")
            axis.set_xlabel("points above control")
        sns.despine(figure, left=True)
        return figure

    caption = (
        f"{setting.label}. Difference from {control} at the same seed, mean and 95% interval. "
        "Filled marks are decided (family-wise p < .05), hollow ones are not."
    )
    return Picture(f"differences-{setting.slug}", f"Difference from {control}", caption, draw)
