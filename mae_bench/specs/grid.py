"""A point of a study's grid: one value of each field that the study lists, and how it is written.

In rows a point is JSON, in labels ``num_layers=4 peak_lr=0.001``.
"""

import json
from functools import cache

Scalar = bool | int | float | str | None
Point = tuple[tuple[str, Scalar], ...]  # fields with their values, in the order of the study
NO_POINT: Point = ()

_PRETRAINING = ("backbone", "pretrain", "corpus")
_PLAIN = ("backbone", "pretrain")  # no field of one has the name of a field of the other


def short_field(field: str) -> str:
    """Return a field as labels write it: ``num_layers``, ``budget.tokens``, ``finetune.epochs``."""
    section, _, rest = field.partition(".")
    return rest if section in _PLAIN or "." in rest else field


def value_text(value: Scalar) -> str:
    """Return a value as labels write it."""
    return value if isinstance(value, str) else json.dumps(value)


def point_label(point: Point) -> str:
    """Return a point as labels write it; empty without a grid."""
    return " ".join(f"{short_field(field)}={value_text(value)}" for field, value in point)


def trained_part(point: Point) -> Point:
    """Return what a pretraining has of a point: the rest belongs to evaluations alone."""
    return tuple(item for item in point if item[0].partition(".")[0] in _PRETRAINING)


def at_point(label: str, point: Point) -> str:
    """Return the label of an arm at a point, such as ``mlm (num_layers=4)``."""
    return f"{label} ({point_label(point)})" if point else label


def point_json(point: Point) -> str | None:
    """Return a point as rows hold it; None without a grid."""
    return json.dumps(dict(point)) if point else None


def parse_point(text: object) -> Point:
    """Return a point from what rows hold; no point from None and from what is not a number."""
    return _parsed(text) if isinstance(text, str) else NO_POINT


@cache
def _parsed(text: str) -> Point:
    return tuple(json.loads(text).items())


def as_list(value: object) -> list[object]:
    """Return the values of a list, or the one value."""
    return list(value) if isinstance(value, list | tuple) else [value]


def is_same(one: object, other: object) -> bool:
    """Whether two values are equal and both or neither are booleans: 1 is 1.0, and not true."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other
