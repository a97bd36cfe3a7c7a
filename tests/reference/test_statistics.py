"""The vectorised statistics against plain Python that enumerates."""

import itertools
import statistics

import numpy as np
import pytest
from scipy import stats as scipy_stats

from mae_bench.analysis.stats import (
    _resamples,
    flip_test,
    holm,
    interquartile_mean,
    iqm_interval,
    mean_intervals,
)

CLOSE = 1e-9


def flips(column):
    return [
        statistics.fmean(s * d for s, d in zip(signs, column, strict=True))
        for signs in itertools.product((1, -1), repeat=len(column))
    ]


def standardised(columns, signs):
    return [
        abs(sum(s * d for s, d in zip(signs, column, strict=True)))
        / (len(column) * sum(d * d for d in column)) ** 0.5
        for column in columns
    ]


@pytest.mark.parametrize("seed", range(6))
def test_each_p_is_the_share_of_all_sign_patterns(seed):
    column = np.random.default_rng(seed).normal(0.4, 1.0, 7)
    means = flips(column)
    test = flip_test(column[:, None])
    observed = column.mean()
    share = [abs(m) >= abs(observed) - CLOSE for m in means]
    assert test.p[0] == pytest.approx(statistics.fmean(share))
    assert test.p_greater[0] == pytest.approx(
        statistics.fmean(m >= observed - CLOSE for m in means)
    )
    assert test.p_less[0] == pytest.approx(statistics.fmean(m <= observed + CLOSE for m in means))


def test_two_sided_p_agrees_with_scipy():
    column = np.random.default_rng(3).normal(0.5, 1.0, 9)
    result = scipy_stats.permutation_test(
        (column,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert flip_test(column[:, None]).p[0] == pytest.approx(result.pvalue)


@pytest.mark.parametrize("seed", range(4))
def test_the_family_is_stepped_down_over_joint_flips(seed):
    differences = np.random.default_rng(seed).normal([0.9, 0.0, 0.5, 0.1], 0.6, (6, 4))
    columns = [list(column) for column in differences.T]
    observed = standardised(columns, [1] * 6)
    order = sorted(range(4), key=lambda k: -observed[k])
    expected, largest = {}, 0.0
    for place, k in enumerate(order):
        rest = order[place:]
        hits = []
        for signs in itertools.product((1, -1), repeat=6):
            sizes = standardised(columns, signs)
            hits.append(max(sizes[j] for j in rest) >= observed[k] - CLOSE)
        largest = max(largest, statistics.fmean(hits))
        expected[k] = largest
    assert flip_test(differences).p_family == pytest.approx([expected[k] for k in range(4)])


def test_holm_against_its_definition():
    p = np.random.default_rng(5).uniform(0, 0.2, 6)
    ranked = sorted(range(6), key=lambda k: p[k])
    for place, k in enumerate(ranked):
        steps = [(6 - j) * p[ranked[j]] for j in range(place + 1)]
        assert holm(p)[k] == pytest.approx(min(1.0, max(steps)))


def test_bootstrap_of_the_mean_against_a_loop_over_the_resamples():
    values = np.random.default_rng(7).normal(0, 1, 6)
    means = []
    for counts in _resamples(6):
        drawn = [v for v, c in zip(values, counts, strict=True) for _ in range(int(c))]
        means.append(statistics.fmean(drawn))
    low, high = mean_intervals(values[:, None])
    assert [low[0], high[0]] == pytest.approx(list(np.quantile(means, [0.025, 0.975])))


def test_bootstrap_of_the_iqm_resamples_whole_seeds():
    values = np.random.default_rng(8).normal(0, 1, (6, 3))
    means = []
    for counts in _resamples(6):
        drawn = np.concatenate([values[s] for s in range(6) for _ in range(int(counts[s]))])
        means.append(scipy_stats.trim_mean(drawn, 0.25))
    assert list(iqm_interval(values)) == pytest.approx(list(np.quantile(means, [0.025, 0.975])))
    assert interquartile_mean(values) == pytest.approx(scipy_stats.trim_mean(values.ravel(), 0.25))
