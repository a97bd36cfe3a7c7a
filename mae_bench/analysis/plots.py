"""What all figures share: a picture that can be drawn wide or narrow, its layout and colours.

Colour, marker and dashes belong to an arm of a study and never change between figures and reports;
floors are grey lines. No two of the colours look alike to a reader who is blind to some, and no two
arms share both colour and marker.
"""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mae_bench.analysis.fonts import figure_language, text_fonts
from mae_bench.analysis.messages import message, speaking
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.scores import COMPARED, Scores, Setting
from mae_bench.measures import Measure

MAX_PANELS = 12
MAX_ARMS = 24  # that are compared, in one figure; nobody tells more lines apart
GREY = "#6b7280"
_DASHES: tuple[object, ...] = ((0, (1, 1.6)), (0, (5, 2)), (0, (5, 2, 1, 2)))
_NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
# Hues of Okabe and Ito and of Tol: readers who are blind to some tell them apart, both
# on white and where a dark page turns the lightness of its figures around.
_COLOURS = ("#0173b2", "#de8f05", "#228833", "#cc79a7", "#5a3d28", "#7e2954", "#56b4e9", "#ca9161")
_MARKERS = "osD^vPX<"
_LINES: tuple[object, ...] = ("solid", (0, (6, 2)), (0, (1, 1.2)), (0, (6, 2, 1, 2)))
_NO_PDF_DATES = dict.fromkeys(("CreationDate", "Creator", "Producer"))
_STYLE: Any = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # where it ends up anyway: else every draw measures all labels of the axis
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "axes.edgecolor": "#9ca3af",
    "axes.linewidth": 0.8,
    "grid.color": "#e5e7eb",
    "grid.linewidth": 0.8,
    "text.parse_math": False,  # a dollar sign in a label is a dollar sign
    "svg.hashsalt": "mae-bench",  # the same figure gives the same file
    "pdf.fonttype": 42,  # TrueType, which conferences ask for
}


@dataclass(frozen=True)
class Picture:
    """One figure: its file name, its title, what to see in it, and how to draw it.

    Attributes:
        draw: makes the figure, as broad as a page (True) or for a phone (False).
    """

    slug: str
    title: str
    caption: str
    draw: Callable[[bool], Figure]

    def save(self, folder: Path) -> Figure:
        """Write the wide figure as ``<slug>.png`` (150 dpi), ``.pdf`` and ``.svg``; return it.

        The files hold no dates.
        """
        folder.mkdir(parents=True, exist_ok=True)
        figure = self._drawn(is_wide=True)
        with matplotlib.rc_context(_STYLE):
            figure.savefig(folder / f"{self.slug}.pdf", metadata=_NO_PDF_DATES)
        (folder / f"{self.slug}.png").write_bytes(png_of(figure))
        (folder / f"{self.slug}.svg").write_text(svg_of(figure), encoding="utf-8")
        return figure

    def narrow(self) -> Figure:
        """Return the figure with one panel under another."""
        return self._drawn(is_wide=False)

    def _drawn(self, is_wide: bool) -> Figure:
        style = _STYLE | {"font.family": text_fonts()}
        with sns.axes_style("whitegrid", rc=style), matplotlib.rc_context(style):
            with speaking(figure_language()):
                figure = self.draw(is_wide)
            # The layout is solved here once, not again for each file format.
            solve_layout(figure)
            return figure


def solve_layout(figure: Figure) -> None:
    """Place the axes once and for all."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)  # "none" would draw twice for each file


def png_of(figure: Figure) -> bytes:
    """Return a figure as PNG, of 150 dpi."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()


def svg_of(figure: Figure) -> str:
    """Return a figure as SVG, without the control characters of labels that XML forbids."""
    buffer = io.StringIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return _NO_XML.sub("", buffer.getvalue())


def drawn_arms(scores: Scores, control: str | None) -> tuple[Scores, str]:
    """Return the scores with no more arms than figures can show, and a sentence on the others.

    The control stays among them, floors and what is not trained too.
    """
    compared = [arm.label for arm in scores.of_role(*COMPARED)]
    if len(compared) <= MAX_ARMS:
        return scores, ""
    others = [label for label in compared if label != control]
    kept = {control, *others[: MAX_ARMS - (control in compared)]}
    arms = tuple(arm for arm in scores.arms if arm.role not in COMPARED or arm.label in kept)
    note = message("figure.first_arms", n=MAX_ARMS, all=len(compared))
    return replace(scores, arms=arms), note


def arm_colours(scores: Scores) -> dict[str, str]:
    """Return a colour for each arm; grey for what is not compared."""
    return {
        arm.label: _COLOURS[arm.rank % len(_COLOURS)] if arm.role in COMPARED else GREY
        for arm in scores.arms
    }


def arm_marker(scores: Scores, label: str) -> str:
    """Return the arm's marker; past the last colour, colours come back with other markers."""
    rank = next((arm.rank for arm in scores.of_role(*COMPARED) if arm.label == label), 0)
    return _MARKERS[(rank + rank // len(_COLOURS)) % len(_MARKERS)]


def arm_dashes(scores: Scores, label: str) -> object:
    """Return the dashes of the arm's line: solid until colours come back."""
    rank = next((arm.rank for arm in scores.of_role(*COMPARED) if arm.label == label), 0)
    return _LINES[(rank // len(_COLOURS)) % len(_LINES)]


def series_colour(index: int) -> str:
    """Return the colour of a line that is no arm, of the same palette."""
    return _COLOURS[index % len(_COLOURS)]


def floor_dashes(scores: Scores, label: str) -> object:
    """Return the dashes of a grey line; solid for the backbone that was not trained."""
    floors = [arm.label for arm in scores.of_role("floor")]
    return _DASHES[floors.index(label) % len(_DASHES)] if label in floors else "solid"


def left_out(tasks: Sequence[str], most: int = MAX_PANELS) -> str:
    """Return a sentence about tasks beyond the panels of a figure; empty where there are none."""
    if len(tasks) <= most:
        return ""
    return message("figure.left_out", tasks=message("list.comma").join(tasks[most:]))


def panel_grid(
    count: int, is_wide: bool, height: float, share_y: bool = False, foot: float = 0.0
) -> tuple[Figure, list[Axes], int]:
    """Return a figure, ``count`` axes, and how many stand beside one another.

    Args:
        count: number of panels.
        is_wide: as broad as a page, with up to four panels a line; else one under another.
        height: of a panel, in inches.
        share_y: whether panels of a line share their vertical axis.
        foot: inches below the panels, for a legend.
    """
    columns = 1
    if is_wide:
        columns = count if count <= 4 else min((3, 4), key=lambda c: (-count % c, -c))
    lines = -(-count // columns)
    width = {1: 6.4, 2: 8.4}.get(columns, 10.3) if is_wide else 4.2
    figure = Figure(figsize=(width, height * lines + foot), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(lines, columns, sharey=share_y and columns > 1, squeeze=False).ravel()
    for unused in axes[count:]:
        unused.set_axis_off()
    return figure, list(axes[:count]), columns


def legend_name(label: str) -> str:
    """Return a label as its artist carries it: matplotlib leaves out what begins with "_"."""
    return f" {label}"


def add_legend(figure: Figure, *panels: Axes) -> None:
    """Write one legend of some panels below the whole figure, in as many columns as fit.

    Their artists carry their `legend_name`; what several panels hold has one entry.
    """
    entries: dict[str, Any] = {}
    for axis in panels:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if not entries:
        return
    labels, handles = list(entries), list(entries.values())
    legend = figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=legend_columns(labels, figure.get_figwidth()),
        frameon=False,
        handlelength=2.2,
        columnspacing=1.4,
    )
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_text(label.removeprefix(" "))


def legend_columns(labels: Sequence[str], width: float) -> int:
    """Return how many entries of a legend fit beside one another on ``width`` inches."""
    entry = 0.75 + 0.078 * max(len(label) for label in labels)
    return max(1, min(len(labels), int(width / entry)))


def floors_in_reach(
    scores: Scores, task: str, setting: Setting, values: Array
) -> tuple[dict[str, float], str]:
    """Return the floors near enough to draw, as shown, and a note on those that are far worse.

    A floor further off than the spread of the arms would flatten everything else.
    """
    measure = scores.measure(task, setting)
    gains = measure.sign * values[np.isfinite(values)]
    least = gains.min() - max(np.ptp(gains), least_reach(measure)) if len(gains) else -np.inf
    near, far = {}, []
    for arm in scores.of_role("floor"):
        cell = scores.cells.get((arm.label, task, setting))
        if cell is None or not cell.n:
            continue
        if measure.sign * cell.mean >= least:
            near[arm.label] = measure.factor * cell.mean
        else:
            far.append(f"{arm.label} {measure.factor * cell.mean:.{measure.digits - 1}f}")
    return near, ", ".join(far)


def least_reach(measure: Measure) -> float:
    """Return how far a floor may always lie: two points, or twenty of the last digit shown."""
    return float(20 * 10.0**-measure.digits / measure.factor)
