"""How a metric is read, in the language of the report: units, directions, labels of axes."""

from mae_bench.analysis.messages import message, word
from mae_bench.measures import POINTS, TIMES, Measure


def note(measure: Measure) -> str:
    """Return unit and direction, as beside the metric in a heading; empty where it is plain."""
    unit = [] if measure.unit == POINTS else [word("unit", measure.unit)]
    return message("list.comma").join([*unit, *_way(measure)])


def amount(measure: Measure, value: float) -> str:
    """Return a value with its unit, as in a sentence."""
    return f"{measure.number(value)} {unit_after_number(measure)}"


def unit_after_number(measure: Measure) -> str:
    """Return the unit as it follows a number."""
    after = word("after_number", measure.unit)
    return word("unit", measure.unit) if after == measure.unit else after


def axis_label(measure: Measure, metric: str) -> str:
    """Return the label of an axis of values: ``accuracy x 100``, ``loss, nats``."""
    scale = f" {TIMES} {measure.factor}" if measure.factor != 1 else ""
    is_named = measure.unit == POINTS or measure.unit in metric
    unit = "" if is_named else f"{message('list.comma')}{word('unit', measure.unit)}"
    return "\n".join([f"{metric}{scale}{unit}", *_way(measure)])


def difference_label(measure: Measure) -> str:
    """Return the label of an axis of differences."""
    label = message("figure.above_control", unit=word("unit", measure.unit))
    return "\n".join([label, *_way(measure)])


def _way(measure: Measure) -> list[str]:
    return [message("unit.lower_is_better")] if measure.better == "lower" else []
