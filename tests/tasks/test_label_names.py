"""Labels that are names or places: one look-up for every kind that has them."""

import dataclasses

import pytest
from small_cases import small_task

from mae_bench.errors import DataError
from mae_bench.tasks import kind_of
from mae_bench.tasks.label_names import LabelNames

NAMES = tuple(f"n{i}" for i in range(14))


def plainly(value):
    """Return the place by a search from the start."""
    for place, name in enumerate(NAMES):
        if (type(value) is str and value == name) or (type(value) is int and value == place):
            return place
    return None


@pytest.mark.parametrize("value", [*NAMES, *range(-2, 17), True, False, 1.0, None, "N0", "0", []])
def test_a_place_is_that_of_the_name_or_the_number(value):
    assert LabelNames(NAMES).place(value) == plainly(value)


def test_what_is_allowed_names_the_first_dozen_and_the_nearest():
    text = LabelNames(NAMES).allowed("n_13")
    assert text.startswith(f"allowed are the 14 label_names {', '.join(NAMES[:12])}, ..., or")
    assert text.endswith("Did you mean 'n13'?")


@pytest.mark.parametrize("kind", ["multilabel", "tag", "rank"])
def test_kinds_read_names_and_places_alike_and_no_truth_values(kind):
    task = dataclasses.replace(small_task(kind).task, label_names=("x", "y", "z"))
    read = kind_of(task).read_label
    label = (lambda value: value) if kind == "rank" else lambda value: [value]
    assert read(label("y"), "row 0") == read(label(1), "row 0")
    for value in (True, 3, "w", -1):
        with pytest.raises(DataError, match="row 0"):
            read(label(value), "row 0")
