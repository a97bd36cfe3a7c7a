"""The points of a study's grid: the combinations of its lists that no exclusion leaves out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mae_bench.errors import SpecError, near_match
from mae_bench.specs.combinations import (
    EXCLUDE,
    GRID,
    combinations_of,
    factors_of,
    is_matched,
    matches_nothing,
    num_combinations,
    wrong_exclude,
)
from mae_bench.specs.grid import NO_POINT, Point, as_list
from mae_bench.specs.study import Study

ARM = "arm"  # key of an exclusion: a label, or several
MAX_POINTS = 1000


@dataclass(frozen=True)
class GridPoint:
    """One combination of the values that the lists of a study hold.

    Attributes:
        point: fields with their values; empty where a study has no grid.
        without: labels of the arms that are left out there.
    """

    point: Point = NO_POINT
    without: frozenset[str] = frozenset()


def points_of(study: Study) -> list[GridPoint]:
    """Return the points of a study's grid, in the order of its lists; one without any."""
    zips, exclude = dict(enumerate(study.zip)), dict(enumerate(study.exclude))
    return grid_points(study.grid, zips, exclude)


def grid_points(
    lists: Mapping[str, Sequence[Any]],
    zips: Mapping[int, Sequence[str]],
    exclude: Mapping[int, Mapping[str, Any]],
) -> list[GridPoint]:
    """Return the points that no exclusion leaves out.

    Args:
        lists: values by field.
        zips: fields by the position of a zip in the study.
        exclude: values by field, and labels of arms, by position in the study.

    Raises:
        SpecError: a zip or an exclusion does not fit the lists, or there are too many points.
    """
    factors = factors_of(lists, zips)
    if (number := num_combinations(factors)) > MAX_POINTS:
        raise SpecError(
            f"the lists of {', '.join(lists)} make {number:,} combinations; at most {MAX_POINTS:,} "
            "are allowed",
            key_path=(GRID,),
        )
    combinations = list(combinations_of(factors))
    for index, entry in exclude.items():
        for name in entry:
            if name not in lists and name != ARM:
                known = [*lists, ARM]
                raise wrong_exclude(
                    index,
                    f"names {name}, which is not given as a list; known: {', '.join(known)}."
                    + near_match(name, known),
                )
        if not entry.keys() - {ARM}:
            raise wrong_exclude(
                index, f"names {ARM} alone, which would run nowhere; leave it out of objectives"
            )
        if not any(is_matched(_fields(entry), values) for values in combinations):
            raise matches_nothing(index, entry)
    points = []
    for values in combinations:
        matched = [entry for entry in exclude.values() if is_matched(_fields(entry), values)]
        if all(ARM in entry for entry in matched):
            without = [str(label) for entry in matched for label in as_list(entry[ARM])]
            points.append(GridPoint(tuple(values.items()), frozenset(without)))
    if not points:
        raise SpecError("exclude leaves nothing to run; drop an entry", key_path=(EXCLUDE,))
    return points


def _fields(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != ARM}
