"""The vectorised statistics against plain Python that sums and integrates."""

import math
import statistics

import numpy as np
import pytest
from scipy import special
from scipy import stats as scipy_stats

from mae_bench.analysis.moderated import moderate
from mae_bench.analysis.multiplicity import false_discovery, holm
from mae_bench.analysis.stats import interquartile_mean, iqm_interval, mean_intervals


def log_f(variance, own, prior, centre):
    """Return the log density of a variance, but for what s0 and d0 do not change."""
    ratio = variance / centre
    return (
        math.lgamma((own + prior) / 2)
        - math.lgamma(prior / 2)
        + own / 2 * math.log(own * ratio / prior)
        - (own + prior) / 2 * math.log(1 + own * ratio / prior)
    )


def two_sided(columns, value):
    """Return p of each column, its spread's prior summed over d0 and log s0, both flat."""
    kept = [[x for x in column if not math.isnan(x)] for column in columns]
    variances = [statistics.variance(column) for column in kept]
    middle = statistics.fmean(math.log(v) for v in variances)
    total, tails = 0.0, [0.0] * len(kept)
    for prior in (1, 2, 4, 8, 16, 32, 64, 128):
        for step in range(-120, 121):
            centre = math.exp(middle + 0.2 * step)
            pairs = list(zip(variances, kept, strict=True))
            weight = math.exp(sum(log_f(v, len(c) - 1, prior, centre) for v, c in pairs))
            total += weight
            for k, (variance, column) in enumerate(pairs):
                freedom = prior + len(column) - 1
                shrunken = (prior * centre + (len(column) - 1) * variance) / freedom
                error = math.sqrt(shrunken / len(column))
                t = abs(statistics.fmean(column) - value) / error
                tails[k] += weight * 2 * special.stdtr(freedom, -t)
    return [tail / total for tail in tails]


@pytest.mark.parametrize(("size", "value"), [(2, 0.0), (4, -0.3)])
def test_moderated_p_is_an_integral_over_the_prior_of_the_spread(size, value):
    values = np.random.default_rng(size).normal(0.7, 1.0, (6, size))
    values[0, 0] = np.nan
    expected = two_sided([list(column) for column in values.T], value)
    posterior = moderate(values)
    assert posterior.p(value) == pytest.approx(expected, rel=0.02)
    sign = np.where(np.nanmean(values, axis=0) > value, 1, -1)
    above = [1 - p / 2 if s > 0 else p / 2 for p, s in zip(expected, sign, strict=True)]
    assert posterior.above(value) == pytest.approx(above, rel=0.02)


def test_a_half_width_leaves_out_what_it_says():
    values = np.random.default_rng(1).normal(0.7, 1.0, (6, 5))
    posterior = moderate(values)
    for level in (0.05, 0.001):
        half = posterior.half_width(level)
        for value in (posterior.means + half, posterior.means - half):
            assert posterior.p(value) == pytest.approx([level] * 5, rel=1e-6)


def test_many_studies_at_once_are_each_by_itself():
    values = np.random.default_rng(2).normal(0.3, 1.0, (3, 7, 4))
    together = moderate(values)
    for study, alone in zip(values, together.p(0.1), strict=True):
        assert moderate(study).p(0.1) == pytest.approx(alone)


def test_holm_against_its_definition():
    p = np.random.default_rng(5).uniform(0, 0.2, 6)
    ranked = sorted(range(6), key=lambda k: p[k])
    for rank, k in enumerate(ranked):
        steps = [(6 - j) * p[ranked[j]] for j in range(rank + 1)]
        assert holm(p)[k] == pytest.approx(min(1.0, max(steps)))


def test_false_discovery_agrees_with_scipy():
    p = np.random.default_rng(6).uniform(0, 0.2, 9)
    assert false_discovery(p) == pytest.approx(scipy_stats.false_discovery_control(p))


def test_interval_of_a_mean_agrees_with_scipy():
    values = np.random.default_rng(7).normal(0, 1, (6, 2))
    low, high = mean_intervals(values)
    for k, column in enumerate(values.T):
        expected = scipy_stats.ttest_1samp(column, 0.0).confidence_interval(0.95)
        assert (low[k], high[k]) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(("conditions", "freedom"), [(1, 3), (3, 5)])
def test_interval_of_the_iqm_leaves_whole_seeds_out(conditions, freedom):
    values = np.random.default_rng(8).normal(0, 1, (6, conditions))
    assert interquartile_mean(values) == pytest.approx(scipy_stats.trim_mean(values.ravel(), 0.25))
    left = [
        float(scipy_stats.trim_mean(np.concatenate([values[:s], values[s + 1 :]]).ravel(), 0.25))
        for s in range(6)
    ]
    error = math.sqrt(5 / 6 * sum((x - statistics.fmean(left)) ** 2 for x in left))
    half = scipy_stats.t.ppf(0.975, freedom) * error
    centre = interquartile_mean(values)
    assert list(iqm_interval(values)) == pytest.approx([centre - half, centre + half])
