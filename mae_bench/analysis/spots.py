"""Where the marks of a drawn figure lie, and what each says: values to show under a pointer."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from mae_bench.measures import MINUS

MAX_SPOTS = 400  # of one figure; more would lie too close to be pointed at


class Spot(NamedTuple):
    """A mark, as shares of the figure's width and height from the upper left corner."""

    x: float
    y: float
    text: str


def spots_of(figure: Figure) -> list[Spot]:
    """Return the marks with error bars of a figure whose layout is solved."""
    spots = [spot for axis in figure.axes for spot in _of_axis(axis, figure)]
    return spots if len(spots) <= MAX_SPOTS else []


def _of_axis(axis: Axes, figure: Figure) -> Iterator[Spot]:
    width, height = figure.bbox.width, figure.bbox.height
    for container in axis.containers:
        if not isinstance(container, ErrorbarContainer):
            continue
        line, _, bars = container.lines
        if line is None:
            continue
        points = np.column_stack([line.get_xdata(), line.get_ydata()]).astype(float)
        pixels = axis.transData.transform(points)
        for point, (x, y), text in zip(points, pixels, _texts(axis, container, bars), strict=False):
            if np.isfinite(point).all():
                yield Spot(round(x / width, 4), round(1 - y / height, 4), text)


def _texts(axis: Axes, container: ErrorbarContainer, bars: Any) -> Iterator[str]:
    """Return what each mark of an error bar says: panel, arm, value and interval."""
    line = container.lines[0]
    points: Any = zip(line.get_xdata(), line.get_ydata(), strict=True)  # type: ignore[arg-type]
    label = str(container.get_label())
    names = {round(tick): text.get_text() for tick, text in _named_lines(axis)}
    for number, (x, y) in enumerate(points):
        value, arm = (x, names.get(round(float(y)), "")) if container.has_xerr else (y, "")
        if not arm and not label.startswith("_"):
            arm = label.strip()
        ends = _ends(bars, number, 0 if container.has_xerr else 1)
        where = "" if container.has_xerr else f" ({axis.get_xlabel()} {_number(x)})"
        title = axis.get_title(loc="left")
        start = ", ".join(part for part in (title, arm.replace("\n", " ")) if part)
        yield f"{start}{where}: {_number(value)}{ends}"


def _named_lines(axis: Axes) -> Iterator[tuple[float, Any]]:
    yield from zip(axis.get_yticks(), axis.get_yticklabels(), strict=False)


def _ends(bars: Any, number: int, along: int) -> str:
    """Return the interval of a mark; empty without one."""
    segments = bars[0].get_segments() if bars else []
    if number >= len(segments) or len(segments[number]) != 2:
        return ""
    low, high = sorted(float(end[along]) for end in segments[number])
    return f" [{_number(low)}, {_number(high)}]" if np.isfinite([low, high]).all() else ""


def _number(value: object) -> str:
    return f"{float(str(value)):.4g}".replace("-", MINUS)
