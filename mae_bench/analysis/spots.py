"""Where the marks of a drawn figure lie, and what each says: values to show under a pointer."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from mae_bench.measures import MINUS

_NEAR = 0.1  # of its size: how far from a tick a mark may stand aside
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
            if np.isfinite(point).all() and text:
                yield Spot(round(x / width, 4), round(1 - y / height, 4), text)


def _texts(axis: Axes, container: ErrorbarContainer, bars: Any) -> Iterator[str]:
    """Return what each mark of an error bar says: panel, arm, value and interval."""
    line = container.lines[0]
    points: Any = zip(line.get_xdata(), line.get_ydata(), strict=True)  # type: ignore[arg-type]
    label = str(container.get_label())
    label = "" if label.startswith("_") else label.strip()
    names = _names_of_lines(axis) if container.has_xerr else {}
    title = axis.get_title(loc="left")
    for number, (x, y) in enumerate(points):
        value, name = (x, names.get(round(float(y)), "")) if container.has_xerr else (y, label)
        where = "" if container.has_xerr else _where(axis, float(x))
        start = ", ".join(part for part in (title, name) if part)
        ends = _ends(bars, number, 0 if container.has_xerr else 1)
        yield f"{start}{where}: {_number(value)}{ends}" if start else ""


def _names_of_lines(axis: Axes) -> dict[int, str]:
    """Return the names beside the lines of a panel, of its neighbour where it shares them."""
    for other in (axis, *axis.get_shared_y_axes().get_siblings(axis)):
        ticks = zip(other.get_yticks(), other.get_yticklabels(), strict=False)
        names = {round(tick): text.get_text().replace("\n", " ") for tick, text in ticks}
        if any(names.values()):
            return names
    return {}


def _where(axis: Axes, x: float) -> str:
    """Return the nearest tick, for marks stand a little aside; empty where none is near."""
    ticks = [float(tick) for tick in axis.get_xticks()]
    nearest = min(ticks, key=lambda tick: abs(tick - x), default=np.inf)
    room = _NEAR * max(abs(nearest), np.ptp(ticks) if ticks else 0.0)
    return f" ({axis.get_xlabel()} {nearest:g})" if abs(nearest - x) <= room else ""


def _ends(bars: Any, number: int, along: int) -> str:
    """Return the interval of a mark; empty without one."""
    segments = bars[0].get_segments() if bars else []
    if number >= len(segments) or len(segments[number]) != 2:
        return ""
    low, high = sorted(float(end[along]) for end in segments[number])
    return f" [{_number(low)}, {_number(high)}]" if np.isfinite([low, high]).all() else ""


def _number(value: object) -> str:
    return f"{float(str(value)):.4g}".replace("-", MINUS)
