"""A small picture of intervals beside the line where nothing differs, drawn without a script."""

from collections.abc import Sequence
from dataclasses import dataclass

from mae_bench.measures import Measure

_LABELS = 136  # units of the drawing that names take
_WIDTH = 380
_LINE = 19
_FOOT = 17
_MAX_BARS = 8
_MAX_NAME = 16  # characters


@dataclass(frozen=True)
class Bar:
    """The interval of an arm, in the units of its metric."""

    arm: str
    low: float
    mean: float
    high: float
    word: str


@dataclass(frozen=True)
class Mark:
    """A bar as it is drawn."""

    name: str
    word: str
    y: int
    x_low: float
    x_mean: float
    x_high: float
    text: str


@dataclass(frozen=True)
class Forest:
    """A drawing, in units of its own.

    Attributes:
        names: where the names of arms end.
        marks: a line for each arm.
        zero: where no difference is.
        ticks: numbers below the axis with their places.
        num_hidden: arms that have no line.
    """

    width: int
    height: int
    names: int
    marks: tuple[Mark, ...]
    zero: float
    ticks: tuple[tuple[float, str], ...]
    num_hidden: int


def forest(bars: Sequence[Bar], measure: Measure) -> Forest | None:
    """Return the drawing of the first bars; None without any."""
    shown = bars[:_MAX_BARS]
    if not shown:
        return None
    least = min(0.0, *(bar.low for bar in shown))
    most = max(0.0, *(bar.high for bar in shown))
    room = (most - least or 1.0) * 1.08

    def place(value: float) -> float:
        return round(_LABELS + 8 + (value - least) / room * (_WIDTH - _LABELS - 24), 1)

    def text(value: float) -> str:
        return measure.number(value, is_signed=True)

    marks = tuple(
        Mark(
            bar.arm if len(bar.arm) <= _MAX_NAME else f"{bar.arm[: _MAX_NAME - 1]}…",
            bar.word,
            _LINE * line + _LINE // 2 + 1,
            place(bar.low),
            place(bar.mean),
            place(bar.high),
            f"{bar.arm} {text(bar.mean)} [{text(bar.low)}, {text(bar.high)}]",
        )
        for line, bar in enumerate(shown)
    )
    zero = place(0.0)
    ends = [(place(value), text(value)) for value in (least, most)]
    ticks = ((zero, "0"), *(end for end in ends if abs(end[0] - zero) > 24))
    height = _LINE * len(shown) + _FOOT
    return Forest(_WIDTH, height, _LABELS - 6, marks, zero, ticks, len(bars) - len(shown))
