"""Intervals, family tests and detectable differences: known values and promises."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from mae_bench.analysis.moderated import moderate
from mae_bench.analysis.multiplicity import false_discovery, holm
from mae_bench.analysis.power import detectable_effect
from mae_bench.analysis.stats import (
    CUT,
    LEVEL,
    family_test,
    interquartile_mean,
    iqm_interval,
    mean_intervals,
)


def decided(differences):
    """Return [R, K] what a family of [R, S, K] differences decides, as a verdict does."""
    p = holm(moderate(differences).p())
    counts = np.isfinite(differences).sum(axis=1)
    means, spreads = np.nanmean(differences, axis=1), np.nanstd(differences, axis=1)
    errors = spreads / np.sqrt(counts - 1)
    return (p < CUT) & (np.abs(means) > scipy_stats.t.ppf(0.975, counts - 1) * errors)


@pytest.mark.parametrize(("seeds", "effect"), [(6, 1.63), (10, 1.10), (20, 0.72)])
def test_one_test_alone_detects_what_a_paired_t_test_at_the_cut_does(seeds, effect):
    """By the noncentral t distribution: 1.63, 1.10, .72 at 3%; 1.43, 1.00, .66 at 5%."""
    assert detectable_effect(seeds) == pytest.approx(effect, abs=0.025)


def test_few_seeds_detect_nothing_and_large_families_less():
    assert detectable_effect(5) == float("inf")
    effects = [detectable_effect(6, size) for size in (1, 3, 10, 26, 100, 300)]
    assert effects == sorted(effects)
    assert detectable_effect(1000) < detectable_effect(50) < detectable_effect(49)


@pytest.mark.parametrize(("seeds", "family"), [(6, 1), (6, 4), (6, 26), (9, 10), (20, 16)])
def test_at_the_printed_effect_the_power_is_that_printed(seeds, family):
    """A quarter of the family true, normal differences of equal spread."""
    studies, num_true = max(150, 6000 // family), max(1, family // 4)
    noise = np.random.default_rng(seeds + family).standard_normal((studies, seeds, family))
    noise[..., :num_true] += detectable_effect(seeds, family)
    assert decided(noise)[:, :num_true].mean() == pytest.approx(0.80, abs=0.03)


@pytest.mark.parametrize("seeds", [6, 10])
@pytest.mark.parametrize("family", [4, 16])
@pytest.mark.parametrize("kind", ["normal", "t4", "one of unlike spread", "correlated", "missing"])
def test_any_false_verdict_is_rare(seeds, family, kind):
    """A small version of benchmarks/statistics: nothing is true, 400 families."""
    generator = np.random.default_rng(seeds * family)
    shape = (400, seeds, family)
    values = generator.standard_t(4, shape) if kind == "t4" else generator.standard_normal(shape)
    if kind == "one of unlike spread":
        values[..., 0] *= 5
    if kind == "correlated":
        values += generator.standard_normal((*shape[:2], 1))
    if kind == "missing":
        values[:, 0, ::3] = np.nan
    share = decided(values).any(axis=1).mean()
    assert share <= LEVEL + 2 * (LEVEL * (1 - LEVEL) / 400) ** 0.5


def test_true_effects_among_nulls_leave_the_nulls_alone():
    values = np.random.default_rng(3).standard_normal((400, 6, 8))
    values[..., :2] += 2.0
    is_decided = decided(values)
    assert is_decided[:, 2:].any(axis=1).mean() <= 0.072
    assert is_decided[:, :2].mean() > 0.85


def test_one_column_is_student_s_t_test():
    column = np.random.default_rng(4).normal(0.8, 1.0, (6, 1))
    test = family_test(column, [(0.0, 0.3)])
    for index, margin in enumerate((0.0, 0.3)):
        expected = scipy_stats.ttest_1samp(column[:, 0], margin).pvalue
        assert test.p[index] == pytest.approx(expected, rel=0.01)
    assert test.better[0] == pytest.approx(1 - test.p[0] / 2)
    assert test.p_family[0] == pytest.approx(min(2 * test.p[0], test.p[1]))


def test_a_family_of_like_spreads_sharpens_a_test_and_unlike_spreads_do_not():
    generator = np.random.default_rng(5)
    like = generator.standard_normal((6, 30))
    like[:, 0] = np.array([-1.0, 1.0, -1.0, 1.0, -1.0, 1.0]) + 1.1
    alone = family_test(like[:, :1], [(0.0,)]).p[0]
    assert family_test(like, [(0.0,)] * 30).p[0] < 0.5 * alone
    unlike = like * np.r_[1.0, np.exp(generator.normal(0, 3.0, 29))]
    assert family_test(unlike, [(0.0,)] * 30).p[0] == pytest.approx(alone, rel=0.5)


def test_units_change_nothing():
    values = np.random.default_rng(6).normal(0.5, 1.0, (6, 5))
    small, large = (family_test(scale * values, [(0.0,)] * 5) for scale in (1e-4, 1e4))
    assert small.p == pytest.approx(large.p, rel=1e-6)
    assert 1e8 * small.within == pytest.approx(large.within, rel=1e-6)


def test_columns_in_another_unit_lend_no_spread():
    """Tokens vary by hundred thousands, accuracies by hundredths."""
    generator = np.random.default_rng(8)
    points, tokens = generator.normal(0.02, 0.01, (6, 3)), generator.normal(1e5, 3e5, (6, 4))
    together = np.concatenate([tokens[:, :1], points, tokens[:, 1:]], axis=1)
    margins = [(0.0,)] * 3 + [(0.0, 0.01)] + [(0.0,)] * 3
    units = ["tokens", *["points"] * 3, *["tokens"] * 3]
    test = family_test(together, margins, units=units)
    ours = family_test(points, margins[1:4])
    theirs = family_test(tokens, [(0.0,)] * 4)
    assert test.p[1:5] == pytest.approx(ours.p) and test.p[[0, 5, 6, 7]] == pytest.approx(theirs.p)
    assert test.p_family == pytest.approx(holm(test.p))  # adjusted together all the same
    assert test.better[1:4] == pytest.approx(ours.better)
    assert test.spread[[0, 4, 5, 6]] == pytest.approx(theirs.spread)
    mixed = family_test(together, margins)
    assert mixed.p[1] > 10 * test.p[1]


def test_columns_without_spread():
    """The same gain at every seed is as sure as the sign flip lets it be; no gain is none."""
    values = np.full((6, 3), 0.3)
    values[:, 1] = 1e-17
    test = family_test(values, [(0.0,)] * 3)
    assert test.p_family == pytest.approx([2 / 64, 1.0, 2 / 64])
    assert test.better == pytest.approx([1 - 1 / 64, 0.5, 1 - 1 / 64])
    assert np.isfinite(test.within).all() and np.isfinite(test.spread).all()
    values[:, 2] = 0.3 + np.random.default_rng(0).normal(0, 0.01, 6)
    assert (family_test(values, [(0.0,)] * 3).p_family[[0, 2]] < 0.05).all()


def test_six_equal_differences_decide_nothing_and_seven_do():
    six, seven = (family_test(np.full((n, 1), 0.3), [(0.0,)]).p_family[0] for n in (6, 7))
    assert seven < CUT <= six < LEVEL


def test_columns_of_other_length_stand_in_one_family():
    values = np.random.default_rng(7).normal(1.0, 0.5, (9, 3))
    values[:3, 1] = np.nan
    test = family_test(values, [(0.0,)] * 3)
    assert np.isfinite(test.p_family).all()
    short = family_test(values[3:, 1:2], [(0.0,)])
    assert test.p[1] < short.p[0]  # the others lend it what it lacks


def test_holm_and_false_discovery_of_a_textbook_family():
    p = np.array([0.01, 0.04, 0.03])
    assert holm(p) == pytest.approx([0.03, 0.06, 0.06])
    assert false_discovery(p) == pytest.approx([0.03, 0.04, 0.04])
    assert holm(np.stack([p, p[::-1]]))[1] == pytest.approx([0.06, 0.06, 0.03])


@pytest.mark.parametrize("seeds", [6, 10, 20])
def test_intervals_of_means_cover_what_they_say(seeds):
    generator = np.random.default_rng(seeds)
    for values in (generator.normal(0, 1, (seeds, 4000)), generator.standard_t(4, (seeds, 4000))):
        low, high = mean_intervals(values)
        assert 0.93 <= np.mean((low < 0) & (high > 0)) <= 0.97


@pytest.mark.parametrize(("seeds", "conditions"), [(6, 1), (10, 1), (6, 4), (10, 4)])
def test_intervals_of_interquartile_means_cover_what_they_say(seeds, conditions):
    generator = np.random.default_rng(seeds + conditions)
    hits = 0
    for _ in range(600):
        own = generator.normal(0, 1, (seeds, conditions))
        low, high = iqm_interval(own + generator.normal(0, 0.7, (seeds, 1)))
        hits += low < 0 < high
    assert 0.92 <= hits / 600 <= 0.98


def test_an_interval_leaves_out_what_is_missing():
    values = np.array([[0.5, np.nan, 1.0], [np.nan, np.nan, 2.0], [np.nan, np.nan, 3.0]])
    low, high = mean_intervals(values)
    assert np.isnan(low[:2]).all() and np.isnan(high[:2]).all()
    assert (low[2] + high[2]) / 2 == pytest.approx(2.0)


def test_interquartile_mean_drops_a_quarter_at_each_end():
    assert interquartile_mean(np.array([0.0, 1, 2, 3, 4, 5, 6, 700])) == 3.5


def test_iqm_interval_of_one_seed_is_none():
    assert np.isnan(iqm_interval(np.ones((1, 3)))).all()
