"""Every combination of values that lists hold, of which some may be zipped."""

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mae_bench.errors import SpecError, near_match
from mae_bench.specs.grid import as_list, is_same

GRID, ZIP, EXCLUDE = "grid", "zip", "exclude"  # keys of a study


@dataclass(frozen=True)
class Factor:
    """Fields that take their values together: one field, or those of a zip.

    Attributes:
        fields: one or more names.
        levels: a value for each field.
    """

    fields: tuple[str, ...]
    levels: tuple[tuple[Any, ...], ...]


def factors_of(
    lists: Mapping[str, Sequence[Any]], zips: Mapping[int, Sequence[str]]
) -> list[Factor]:
    """Return the factors of lists, each where its first field stands.

    Args:
        lists: values by field.
        zips: fields by the position of a zip in the study.

    Raises:
        SpecError: a zip names what is no list, or a field twice, or lists of several lengths.
    """
    zip_of: dict[str, Sequence[str]] = {}
    for number, names in zips.items():
        for name in names:
            if name not in lists:
                raise _wrong_zip(
                    number,
                    f"names {name}, which is not given as a list; fields with lists: "
                    f"{', '.join(lists) or 'none'}." + near_match(name, lists),
                )
            if name in zip_of or list(names).count(name) > 1:
                raise _wrong_zip(number, f"names {name} a second time; a field is zipped once")
        lengths = {name: len(lists[name]) for name in names}
        if len(names) < 2:
            got = ", ".join(names) or "none"
            raise _wrong_zip(number, f"must name two fields or more, got {got}")
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise _wrong_zip(number, f"takes lists of one length, got {told}; make them equal")
        zip_of |= dict.fromkeys(names, names)
    factors: dict[tuple[str, ...], Factor] = {}
    for name in lists:
        fields = tuple(zip_of.get(name, (name,)))
        levels = tuple(zip(*(lists[field] for field in fields), strict=True))
        factors.setdefault(fields, Factor(fields, levels))
    return list(factors.values())


def num_combinations(factors: Sequence[Factor]) -> int:
    """Return how many combinations there are, without making them."""
    return math.prod(len(factor.levels) for factor in factors)


def combinations_of(factors: Sequence[Factor]) -> Iterator[dict[str, Any]]:
    """Return the values by field of every combination, the last factor varying first."""
    return (
        {
            field: value
            for factor, level in zip(factors, levels, strict=True)
            for field, value in zip(factor.fields, level, strict=True)
        }
        for levels in itertools.product(*(factor.levels for factor in factors))
    )


def is_matched(wanted: Mapping[str, object], values: Mapping[str, object]) -> bool:
    """Whether all fields have the values that are wanted; a list allows any of its values."""
    return all(
        field in values and any(is_same(values[field], value) for value in as_list(allowed))
        for field, allowed in wanted.items()
    )


def entry_text(entry: Mapping[str, object]) -> str:
    """Return values by field as a study writes them, such as ``{backbone.dropout: null}``."""
    told = (
        f"{field}: {value if isinstance(value, str) else json.dumps(value, default=str)}"
        for field, value in entry.items()
    )
    return f"{{{', '.join(told)}}}"


def matches_nothing(index: int, entry: Mapping[str, object]) -> SpecError:
    """Return the error about an exclusion that leaves nothing out."""
    return wrong_exclude(
        index,
        f"{entry_text(entry)} matches no combination of the study, so that it would leave "
        "nothing out; correct it, or drop it",
    )


def wrong_exclude(index: int, message: str) -> SpecError:
    """Return an error about one exclusion."""
    return SpecError(f"exclude[{index}]: {message}", key_path=(EXCLUDE, index))


def _wrong_zip(index: int, message: str) -> SpecError:
    return SpecError(f"zip[{index}] {message}", key_path=(ZIP, index))
