"""Crossings of learning curves: three answers, and a place that plain interpolation gives, too."""

import math

import numpy as np
import pandas as pd
import pytest
from report_rows import small_study, table

from mae_bench.analysis.crossing import crossing, crossing_table, crossings
from mae_bench.analysis.rows import read_scores

SIZES = np.array([20, 100, 500, 2000])


def curves(gaps, spread, seeds=8):
    """Return two curves whose mean paired difference is exactly ``gaps``."""
    noise = np.random.default_rng(1).normal(0, spread, (seeds, len(gaps)))
    second = np.random.default_rng(2).uniform(0.4, 0.8, (seeds, len(gaps)))
    return second + np.asarray(gaps) + noise - noise.mean(axis=0), second


def test_the_place_is_that_of_a_line_over_the_logarithm():
    found = crossing(SIZES, *curves([-0.1, -0.03, 0.06, 0.1], 0.002))
    share = 0.03 / (0.03 + 0.06)
    expected = math.exp(math.log(100) + share * (math.log(500) - math.log(100)))
    assert found.answer == "crosses" and found.is_ahead
    assert found.size == pytest.approx(expected)
    assert 100 < found.low < expected < found.high < 500


def test_more_spread_is_a_wider_interval():
    narrow, wide = (crossing(SIZES, *curves([-0.1, -0.05, 0.05, 0.1], s)) for s in (0.002, 0.01))
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_the_interval_is_as_wide_as_students_of_few_seeds():
    first, second = curves([-0.1, -0.06, 0.06, 0.1], 0.004, seeds=6)
    found = crossing(np.array([20, 100, 500, 2000]), first, second)
    # only the deviation at both ends of the crossed step moves the place; to first order it is
    # that of a mean of six values, and Student's factor for five degrees of freedom is 2.571
    slope = 0.12 / math.log(5)
    both = (first - second)[:, 1:3].mean(axis=1).std(ddof=1) / math.sqrt(6) / slope
    half = (math.log(found.high) - math.log(found.low)) / 2
    assert half == pytest.approx(2.571 * both, rel=0.15)


@pytest.mark.parametrize("sign", [1, -1])
def test_one_curve_ahead_everywhere_is_an_answer(sign):
    found = crossing(SIZES, *curves(sign * np.array([0.1, 0.08, 0.06, 0.05]), 0.01))
    assert found.answer == "no crossing within the sizes" and found.is_ahead == (sign == 1)
    assert math.isnan(found.size)


@pytest.mark.parametrize(
    ("gaps", "spread", "seeds", "why"),
    [
        ([-0.01, 0.01, 0.02, 0.02], 0.05, 8, "of the resampled seeds agree"),
        ([-0.1, 0.1, -0.1, 0.1], 0.001, 8, "more than once"),
        ([-0.1, -0.1, 0.1, 0.1], 0.001, 5, "5 of 6 seeds"),
    ],
)
def test_what_seeds_do_not_show_is_not_decidable(gaps, spread, seeds, why):
    found = crossing(SIZES, *curves(gaps, spread, seeds))
    assert found.answer == "not decidable" and why in found.reason


def test_seeds_that_lack_a_size_are_left_out():
    first, second = curves([-0.1, -0.03, 0.06, 0.1], 0.002)
    first[0, 1] = np.nan
    assert crossing(SIZES, first, second) == crossing(SIZES, first[1:], second[1:])


def test_equal_scores_change_no_sign():
    first, second = curves([0.0, 0.0, 0.1, 0.1], 0.0)
    assert crossing(SIZES, first, first + (second - first)).answer == "no crossing within the sizes"


def rows(metric="accuracy", turned=1):
    first, second = curves([-0.1, -0.03, 0.06, 0.1], 0.002, seeds=6)
    parts = []
    for column, size in enumerate(SIZES):
        values = {"mlm": second[:, column].tolist(), "mae": first[:, column].tolist()}
        if turned < 0:
            values = {"mlm": values["mae"], "mae": values["mlm"]}
        parts.append(table(values, train_size=int(size), n_train=int(size), metric=metric))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(("metric", "turned"), [("accuracy", 1), ("rank_lost_to_masks", -1)])
def test_the_report_reads_it_from_rows_in_the_direction_of_the_metric(metric, turned):
    study = small_study(train_sizes=tuple(map(int, SIZES)))
    scores = read_scores(rows(metric, turned), study)
    numbers = crossings(scores, "mlm")
    assert numbers["answer"].tolist() == ["crosses"] and numbers["is_ahead_at_largest"].all()
    shown = crossing_table(numbers, scores, "mlm")
    assert shown.frame.loc[0, "ahead at most labels"] == "mae"
    assert shown.frame.loc[0, "labels"] == "20 to 2,000"


def test_two_sizes_ask_for_no_crossing():
    study = small_study(train_sizes=(20, 100))
    two = rows()[lambda table: table["train_size"].isin(["20", "100"])]
    assert len(crossings(read_scores(two, study), "mlm")) == 0
