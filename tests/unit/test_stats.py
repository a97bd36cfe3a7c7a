"""Intervals, tests and detectable differences: known values and promises."""

import numpy as np
import pytest

from mae_bench.analysis.stats import (
    NUM_RESAMPLES,
    detectable_effect,
    flip_test,
    holm,
    interquartile_mean,
    iqm_interval,
    mean_intervals,
    sign_patterns,
)


@pytest.mark.parametrize(("seeds", "effect"), [(3, 3.26), (5, 1.68), (10, 1.0), (20, 0.66)])
def test_detectable_effect_matches_the_tables_of_the_paired_t_test(seeds, effect):
    assert detectable_effect(seeds) == pytest.approx(effect, abs=0.01)


def test_one_seed_detects_nothing():
    assert detectable_effect(1) == float("inf")


@pytest.mark.parametrize(("seeds", "least"), [(5, 0.0625), (6, 0.03125), (10, 2 / 1024)])
def test_smallest_two_sided_p(seeds, least):
    test = flip_test(np.full((seeds, 1), 0.3))
    assert test.p[0] == pytest.approx(least)
    assert test.p_greater[0] == pytest.approx(least / 2)
    assert test.p_less[0] == 1.0


def test_strong_effects_keep_the_floor_in_a_family_where_holm_cannot():
    differences = np.random.default_rng(0).normal(0.2, 0.02, (6, 4))
    test = flip_test(differences)
    assert test.p_family == pytest.approx([2 / 64] * 4)
    assert holm(test.p).min() == pytest.approx(4 * 2 / 64)


def test_no_difference_at_all_has_p_one():
    test = flip_test(np.zeros((6, 2)) + 1e-17)
    assert list(test.p) == list(test.p_family) == [1.0, 1.0]


def test_a_missing_pair_does_not_count_as_a_zero():
    full = np.full((7, 1), 0.2)
    full[3] = np.nan
    assert flip_test(full).p[0] == pytest.approx(2 / 64)
    low, high = mean_intervals(full)
    assert (low[0], high[0]) == pytest.approx((0.2, 0.2))


def test_many_seeds_draw_their_signs_and_never_reach_zero():
    assert len(sign_patterns(17)) == 2**16
    p = flip_test(np.ones((20, 1))).p[0]
    assert 1 / 2**16 <= p < 1e-3


def test_holm():
    assert holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])


def test_intervals_repeat_and_cover_about_what_they_say_with_many_seeds():
    generator = np.random.default_rng(1)
    values = generator.normal(0.0, 1.0, (40, 400))
    low, high = mean_intervals(values)
    assert np.array_equal(mean_intervals(values)[0], low)
    assert 0.91 <= np.mean((low < 0) & (high > 0)) <= 0.97


def test_one_value_has_no_interval():
    low, high = mean_intervals(np.array([[0.5], [np.nan]]))
    assert np.isnan(low[0]) and np.isnan(high[0])


def test_interquartile_mean_drops_a_quarter_at_each_end():
    assert interquartile_mean(np.array([0.0, 1, 2, 3, 4, 5, 6, 700])) == 3.5


def test_iqm_interval_holds_the_estimate():
    values = np.random.default_rng(2).normal(0, 1, (8, 3))
    low, high = iqm_interval(values)
    assert low < interquartile_mean(values) < high
    assert NUM_RESAMPLES == 10_000
