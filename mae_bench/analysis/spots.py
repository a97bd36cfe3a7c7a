"""Where the marks of a drawn figure lie, and what each says: values to show under a pointer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mae_bench.analysis.units import unit_after_number
from mae_bench.measures import MINUS, Measure

_NEAR = 0.1  # of its size: how far from a tick a mark may stand aside
MAX_SPOTS = 400  # of one figure; more would lie too close to be pointed at


class Spot(NamedTuple):
    """A mark, as shares of the figure's width and height from the upper left corner."""

    x: float
    y: float
    text: str


class Dot(NamedTuple):
    """The small mark of a single seed, which arrow keys pass over."""

    x: float
    y: float
    text: str
    is_minor: int = 1


class Span(NamedTuple):
    """A straight line across a panel, from one end to the other."""

    x: float
    y: float
    text: str
    other_x: float
    other_y: float


AnySpot = Spot | Dot | Span


@dataclass(frozen=True)
class Reading:
    """How the numbers along an axis are told: as tables print them, with their unit.

    An axis has one as its ``fmt_xdata`` or ``fmt_ydata``.
    """

    measure: Measure
    is_signed: bool = False

    def __call__(self, shown: float) -> str:
        """Return a number that is drawn, and so multiplied already."""
        return self.measure.number(shown / self.measure.factor, self.is_signed)

    @property
    def unit(self) -> str:
        """The unit as it follows a number."""
        return f" {unit_after_number(self.measure)}"


@dataclass(frozen=True)
class _Plain:
    unit: str = ""

    def __call__(self, shown: float) -> str:
        return f"{shown:.4g}".replace("-", MINUS)


_Said = str | Mapping[int, str]
_SAID: "WeakKeyDictionary[Line2D, tuple[_Said, bool]]" = WeakKeyDictionary()


def describe(line: Line2D, said: _Said, *, is_minor: bool = False) -> None:
    """Say what a line tells: one text for the whole of it, or one for each of some points."""
    _SAID[line] = (said, is_minor)


def spots_of(figure: Figure) -> list[AnySpot]:
    """Return what can be pointed at in a figure whose layout is solved.

    Marks of a panel run from its top to its bottom where arms stand under one another; dots of
    single seeds come after those of all panels, and are absent where they would be too many.
    """
    spots: list[AnySpot] = []
    dots: list[AnySpot] = []
    for axis in figure.axes:
        marks = list(_marks_of(axis, figure))
        if any(isinstance(c, ErrorbarContainer) and c.has_xerr for c in axis.containers):
            marks.sort(key=lambda spot: spot.y)
        spots += marks
        for spot in _described(axis, figure):
            (dots if isinstance(spot, Dot) else spots).append(spot)
    if len(spots) > MAX_SPOTS:
        return []
    return [*spots, *dots] if len(spots) + len(dots) <= MAX_SPOTS else spots


def _share(figure: Figure, x: float, y: float) -> tuple[float, float]:
    return round(x / figure.bbox.width, 4), round(1 - y / figure.bbox.height, 4)


def _described(axis: Axes, figure: Figure) -> Iterator[AnySpot]:
    title = axis.get_title(loc="left")
    for line in axis.lines:
        if line not in _SAID:
            continue
        said, is_minor = _SAID[line]
        pixels = line.get_transform().transform(line.get_xydata())
        where = [_share(figure, x, y) for x, y in pixels]
        if isinstance(said, str):
            yield Span(*where[0], _titled(title, said), *where[-1])
            continue
        for index, text in said.items():
            if np.isfinite(pixels[index]).all():
                kind = Dot if is_minor else Spot
                yield kind(*where[index], _titled(title, text))


def _titled(title: str, text: str) -> str:
    return ", ".join(part for part in (title, text) if part)


def _marks_of(axis: Axes, figure: Figure) -> Iterator[Spot]:
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
                yield Spot(*_share(figure, x, y), text)


def _texts(axis: Axes, container: ErrorbarContainer, bars: Any) -> Iterator[str]:
    """Return what each mark of an error bar says: panel, arm, value and interval."""
    line = container.lines[0]
    points: Any = zip(line.get_xdata(), line.get_ydata(), strict=True)  # type: ignore[arg-type]
    label = str(container.get_label())
    label = "" if label.startswith("_") else label.strip()
    names = _names_of_lines(axis) if container.has_xerr else {}
    title = axis.get_title(loc="left")
    reading = _reading(axis.fmt_xdata if container.has_xerr else axis.fmt_ydata)
    for number, (x, y) in enumerate(points):
        value, name = (x, names.get(round(float(y)), "")) if container.has_xerr else (y, label)
        where = "" if container.has_xerr else _where(axis, float(x))
        start = _titled(title, name)
        ends = _ends(bars, number, 0 if container.has_xerr else 1, reading)
        yield f"{start}{where}: {reading(float(value))}{ends}{reading.unit}" if start else ""


def _reading(formatter: object) -> Reading | _Plain:
    return formatter if isinstance(formatter, Reading) else _Plain()


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


def _ends(bars: Any, number: int, along: int, reading: Reading | _Plain) -> str:
    """Return the interval of a mark; empty without one."""
    segments = bars[0].get_segments() if bars else []
    if number >= len(segments) or len(segments[number]) != 2:
        return ""
    low, high = sorted(float(end[along]) for end in segments[number])
    return f" [{reading(low)}, {reading(high)}]" if np.isfinite([low, high]).all() else ""


def without_dots(spots: Sequence[AnySpot]) -> list[AnySpot]:
    """Return the spots without those of single seeds."""
    return [spot for spot in spots if not isinstance(spot, Dot)]
