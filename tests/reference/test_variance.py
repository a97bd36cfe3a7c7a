"""Variance components against sums written out, SciPy, and simulated data of known components."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from mae_bench.analysis.crossed_variance import crossed_components
from mae_bench.analysis.stats import mean_intervals
from mae_bench.analysis.variance import coverage, narrowness, nested_components

P, K = 10, 5


def drawn(rng, pretraining, finetune, shape=(P, K)):
    """Return runs of known standard deviations."""
    return pretraining * rng.normal(size=(shape[0], 1)) + finetune * rng.normal(size=shape)


def plain_nested(rows):
    """Return (pretraining, finetune) by sums over lists."""
    k = len(rows[0])
    means = [sum(row) / k for row in rows]
    grand = sum(means) / len(means)
    between = k * sum((mean - grand) ** 2 for mean in means) / (len(rows) - 1)
    squares = [(x - mean) ** 2 for row, mean in zip(rows, means, strict=True) for x in row]
    within = sum(squares) / (len(rows) * (k - 1))
    return (between - within) / k, within


@pytest.mark.parametrize(("p", "k"), [(2, 2), (10, 5), (7, 3)])
def test_components_are_those_of_sums_written_out(p, k):
    values = drawn(np.random.default_rng(p), 1.0, 0.5, (p, k))
    found = nested_components(values)
    assert (found.pretraining, found.finetune) == pytest.approx(plain_nested(values.tolist()))
    f = stats.f_oneway(*values)
    assert found.between.value / found.within.value == pytest.approx(f.statistic)
    is_shown = f.pvalue < 0.025  # the upper half of a two-sided 5%
    assert (found.ratio_interval()[0] > 0) == is_shown
    assert (found.pretraining_interval()[0] > 0) == is_shown


def test_both_lower_ends_reach_0_where_the_f_test_does():
    limit = stats.f.ppf(0.975, P - 1, P * (K - 1))
    means = np.arange(P) - (P - 1) / 2
    means /= np.std(means, ddof=1)
    noise = np.linspace(-1, 1, K)
    noise /= np.std(noise, ddof=1)
    for factor, is_above in ((0.999, False), (1.001, True)):
        values = np.sqrt(factor * limit / K) * means[:, None] + noise
        found = nested_components(values)
        assert (found.ratio_interval()[0] > 0) == is_above
        assert (found.pretraining_interval()[0] > 1e-12) == is_above


def test_the_interval_of_fine_tunes_is_a_chi_squares():
    found = nested_components(drawn(np.random.default_rng(1), 1, 2))
    sums = found.finetune * P * (K - 1)
    ends = [sums / stats.chi2.ppf(p, P * (K - 1)) for p in (0.975, 0.025)]
    assert found.within.interval() == pytest.approx(ends)


@pytest.mark.parametrize("pretraining", [2.0, 1.0, 0.3])
def test_known_components_are_estimated_without_bias_and_covered(pretraining):
    rng = np.random.default_rng(0)
    inside, estimates = np.zeros(3), []
    for _ in range(600):
        found = nested_components(drawn(rng, pretraining, 1.0))
        truths = (pretraining**2, 1.0, pretraining**2)
        ends = (found.pretraining_interval(), found.within.interval(), found.ratio_interval())
        inside += [low <= truth <= high for truth, (low, high) in zip(truths, ends, strict=True)]
        estimates.append((found.pretraining, found.finetune))
    error = np.std(estimates, axis=0) / np.sqrt(600)
    assert np.abs(np.mean(estimates, axis=0) - truths[:2]) == pytest.approx(0, abs=4 * max(error))
    assert inside / 600 == pytest.approx(0.95, abs=0.03)


@pytest.mark.parametrize("ratio", [0.0, 0.5, 4.0])
def test_an_interval_from_one_pretraining_covers_as_often_as_is_said(ratio):
    rng = np.random.default_rng(2)
    runs = drawn(rng, np.sqrt(ratio), 1.0, (20_000, K))
    low, high = mean_intervals(runs.T)
    measured = ((low <= 0) & (high >= 0)).mean()
    factor = narrowness(ratio, K)
    assert coverage(factor, K) == pytest.approx(measured, abs=0.012)
    spread = np.std(runs.mean(axis=1)) / (1 / np.sqrt(K))
    assert factor == pytest.approx(spread, rel=0.02)


def test_an_estimate_below_0_is_kept_and_counts_as_none():
    values = np.tile([-1.0, 0.0, 1.0], (4, 1))  # fine-tunes vary, pretrainings do not
    found = nested_components(values)
    assert found.pretraining == pytest.approx(-1 / 3)
    assert (found.share, narrowness(found.ratio, 3)) == (0.0, 1.0)
    assert found.pretraining_interval() == found.ratio_interval() == (0.0, 0.0)


def test_incomplete_pretrainings_are_left_out_and_too_few_give_nothing():
    values = drawn(np.random.default_rng(3), 1, 1)
    holed = np.vstack([values, np.full((1, K), 2.0)])
    holed[-1, 0] = np.nan
    assert nested_components(holed) == nested_components(values)
    assert nested_components(values[:1]) is None
    assert nested_components(values[:, :1]) is None
    assert nested_components(np.tile(values[:, :1], (1, K))) is None, "no spread over fine-tunes"


def plain_crossed(v):
    """Return the four components by loops over arms, seeds and fine-tunes."""
    a, p, k = len(v), len(v[0]), len(v[0][0])
    arm = [np.mean(v[i]) for i in range(a)]
    both = [[np.mean(v[i][j]) for j in range(p)] for i in range(a)]
    seed = [np.mean([both[i][j] for i in range(a)]) for j in range(p)]
    run = [[np.mean([v[i][j][m] for i in range(a)]) for m in range(k)] for j in range(p)]
    grand = np.mean(seed)
    squares = [0.0] * 4
    for i, j, m in product(range(a), range(p), range(k)):
        squares[0] += (seed[j] - grand) ** 2
        squares[1] += (both[i][j] - arm[i] - seed[j] + grand) ** 2
        squares[2] += (run[j][m] - seed[j]) ** 2
        squares[3] += (v[i][j][m] - both[i][j] - run[j][m] + seed[j]) ** 2
    freedom = (p - 1, (a - 1) * (p - 1), p * (k - 1), (a - 1) * p * (k - 1))
    s, own_s, f, own_f = (x / n for x, n in zip(squares, freedom, strict=True))
    return (s - own_s - f + own_f) / (a * k), (own_s - own_f) / k, (f - own_f) / a, own_f


def crossed(rng, seed=1.0, arm_seed=0.7, finetune=0.5, arm_finetune=0.3, num_arms=4):
    """Return runs [A, P, K] of known standard deviations."""
    return (
        rng.normal(size=(num_arms, 1, 1))
        + seed * rng.normal(size=(1, P, 1))
        + arm_seed * rng.normal(size=(num_arms, P, 1))
        + finetune * rng.normal(size=(1, P, K))
        + arm_finetune * rng.normal(size=(num_arms, P, K))
    )


def test_crossed_components_are_those_of_loops():
    values = crossed(np.random.default_rng(4))
    assert crossed_components(values).variances == pytest.approx(plain_crossed(values.tolist()))


def test_known_crossed_components_are_estimated_without_bias():
    rng = np.random.default_rng(5)
    estimates = np.array([crossed_components(crossed(rng)).variances for _ in range(800)])
    errors = estimates.std(axis=0) / np.sqrt(len(estimates))
    assert (np.abs(estimates.mean(axis=0) - [1, 0.49, 0.25, 0.09]) < 4 * errors).all()


def test_what_two_arms_share_is_what_their_difference_lacks():
    values = crossed(np.random.default_rng(6), num_arms=2)
    both, difference = crossed_components(values), nested_components(values[0] - values[1])
    assert difference.pretraining == pytest.approx(2 * both.arm_seed)
    assert difference.finetune == pytest.approx(2 * both.arm_finetune)


def test_crossed_components_need_two_arms_and_a_spread():
    values = crossed(np.random.default_rng(7))
    assert crossed_components(values[:1]) is None
    assert crossed_components(np.full((2, P, K), 0.7)) is None
    assert sum(crossed_components(values).shares) == pytest.approx(1)
