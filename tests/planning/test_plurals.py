"""A number with its noun."""

import pytest

from mae_bench.plurals import counted


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 seeds"), (1, "1 seed"), (2, "2 seeds"), (1200, "1,200 seeds")]
)
def test_one_has_no_plural(number, text):
    assert counted(number, "seed") == text


def test_a_plural_of_its_own():
    assert counted(1, "copy", "copies") == "1 copy"
    assert counted(2, "copy", "copies") == "2 copies"
