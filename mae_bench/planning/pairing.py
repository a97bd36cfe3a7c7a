"""What the points of a grid share at one seed: what is paired along each of its fields."""

from collections.abc import Iterable

from mae_bench.specs import Study, short_field

_SAME_START = "weights to start from, rows in their order, masks and labelled examples"
_SAME_TEXT = "rows in their order, masks and labelled examples; the first weights differ"
_SAME_LABELS = "labelled examples alone; the rows, or what they are cut into, differ"


def paired_along(field: str) -> str:
    """Return what two points that differ in one field share at one seed."""
    section, _, name = field.partition(".")
    if section == "corpus":
        return _SAME_LABELS
    if section == "backbone" and name != "dropout":
        return _SAME_TEXT
    return _SAME_START


def pairing_sentences(study: Study) -> list[str]:
    """Return a sentence for each kind of pairing that the fields of a grid have."""
    fields_by_kind: dict[str, list[str]] = {}
    for field in study.grid:
        fields_by_kind.setdefault(paired_along(field), []).append(short_field(field))
    return [
        f"along {_listed(fields)} one seed pairs {what}" for what, fields in fields_by_kind.items()
    ]


def _listed(words: Iterable[str]) -> str:
    *rest, last = words
    return f"{', '.join(rest)} and {last}" if rest else last
