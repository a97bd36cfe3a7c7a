"""The candidates of benchmarks/statistics that read stored predictions, against plain loops."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats

from mae_bench.analysis.moderated import moderate

FOLDER = Path(__file__).parents[2] / "benchmarks" / "statistics"


@pytest.fixture
def hierarchical(monkeypatch):
    """Return the module; its folder holds scripts and is no package."""
    monkeypatch.syspath_prepend(str(FOLDER))
    module = importlib.import_module("hierarchical")
    yield module
    for name in ("hierarchical", "procedures"):
        sys.modules.pop(name, None)


def mean_squares(table):
    """Return those of examples and of the rest, of a two-way table [S, I], by plain sums."""
    num_seeds, num_examples = len(table), len(table[0])
    grand = sum(map(sum, table)) / num_seeds / num_examples
    of_seed = [sum(row) / num_examples for row in table]
    of_example = [sum(row[i] for row in table) / num_seeds for i in range(num_examples)]
    rest = sum(
        (table[s][i] - of_seed[s] - of_example[i] + grand) ** 2
        for s in range(num_seeds)
        for i in range(num_examples)
    )
    examples = num_seeds * sum((value - grand) ** 2 for value in of_example)
    return examples / (num_examples - 1), rest / (num_seeds - 1) / (num_examples - 1)


def test_components_are_mean_squares_of_seeds_and_examples(hierarchical):
    tables = np.random.default_rng(0).integers(-1, 2, (3, 4, 9))
    products = tables @ tables.swapaxes(1, 2) / 9
    known = hierarchical.components(tables.mean(axis=2), products, np.full(3, 9.0))
    for column, table in enumerate(tables.tolist()):
        examples, rest = mean_squares(table)
        assert known.noise[column] == pytest.approx(rest / 9)
        assert known.of_examples[column] == pytest.approx(examples / 4 / 9)


def test_noise_is_what_seeds_spread_by_that_share_everything_but_chance(hierarchical):
    """Each example is right by a chance of its own: seeds differ by nothing else."""
    rng = np.random.default_rng(1)
    chances = rng.random((2, 1, 60))
    right = rng.random((2, 4000, 60)) < chances
    table = right[0].astype(float) - right[1]
    products = (table[:8] @ table[:8].T / 60)[None]
    known = hierarchical.components(table[None, :8].mean(axis=2), products, np.array([60.0]))
    assert known.noise[0] == pytest.approx(table.mean(axis=1).var(), rel=0.1)


def integrated(values, noise, structures):
    """Return p of each column by a plain sum over structures, centres, freedoms and variances."""
    num_seeds, size = values.shape
    means, variances = values.mean(axis=0), values.var(axis=0, ddof=1)
    logs = np.linspace(-9, 9, 150)
    whole, tails = 0.0, np.zeros(size)
    for share, power in structures:
        units = noise**power
        typical = np.log(np.maximum(variances, noise) / units).mean()
        for centre in np.linspace(-7, 7, 29):
            for freedom in 2.0 ** np.arange(8):
                prior = scipy_stats.chi2.pdf(freedom * np.exp(centre - logs), freedom)
                prior = prior * np.exp(centre - logs)  # in log variance
                prior /= prior.sum()
                evidence, parts = 1.0, []
                for column in range(size):
                    total = share * noise[column] + units[column] * np.exp(typical + logs)
                    own = (num_seeds - 1) / total
                    fit = scipy_stats.chi2.pdf(variances[column] * own, num_seeds - 1) * own
                    wide = np.sqrt(total / num_seeds)
                    p = 2 * scipy_stats.norm.sf(abs(means[column]) / wide)
                    evidence *= (prior * fit).sum()
                    parts.append((prior * fit * p).sum() / (prior * fit).sum())
                whole += evidence
                tails += evidence * np.array(parts)
    return tails / whole


@pytest.mark.parametrize("structures", ["TREND", "HIERARCHICAL"])
def test_averaged_p_is_an_integral_over_structures_and_variances(hierarchical, structures):
    values = np.random.default_rng(2).normal(0.8, 1.0, (6, 3)) * np.array([0.7, 1.0, 1.6])
    noise = np.array([0.2, 0.7, 12.0])  # the last is more than its column varies
    structures = getattr(hierarchical, structures)
    averaged = hierarchical.averaged_p(values[None], noise[None], structures)[0]
    assert averaged == pytest.approx(integrated(values, noise, structures), rel=0.02)


def test_without_noise_it_is_the_verdict_s_test(hierarchical):
    values = np.random.default_rng(3).normal(0.6, 1.0, (2, 6, 5))
    noise = np.random.default_rng(3).random((2, 5)) / 4 + 0.1
    expected = moderate(values).p()
    ignored = hierarchical.averaged_p(values, noise, ((0.0, 0.0),))
    assert ignored == pytest.approx(expected, rel=0.03)
    nothing = np.full((2, 5), 1e-9)
    of_none = hierarchical.averaged_p(values, nothing, hierarchical.HIERARCHICAL)
    assert of_none == pytest.approx(expected, rel=0.03)


def test_a_trend_leaves_one_column_student_s_t(hierarchical):
    values = np.random.default_rng(7).normal(0.8, 1.0, (3, 6, 1))
    p = hierarchical.averaged_p(values, np.full((3, 1), 0.4), hierarchical.TREND)
    expected = scipy_stats.ttest_1samp(values, 0.0, axis=1).pvalue
    assert p == pytest.approx(expected, rel=0.02)


def test_where_seeds_add_nothing_it_comes_near_to_a_z_test(hierarchical):
    """Sixty columns whose spread is the known noise, which they do not share."""
    noise = np.linspace(1, 9, 60)[None]
    values = np.random.default_rng(4).standard_normal((1, 6, 60))
    values -= values.mean(axis=1, keepdims=True)
    values = (values / values.std(axis=1, ddof=1, keepdims=True) + 1.0) * np.sqrt(noise)
    p = hierarchical.averaged_p(values, noise, hierarchical.HIERARCHICAL)
    by_z, by_t = 2 * scipy_stats.norm.sf(6**0.5), 2 * scipy_stats.t.sf(6**0.5, 5)
    assert np.all((by_z < p) & (p < by_z + 0.1 * (by_t - by_z)))


def test_a_unit_changes_no_p(hierarchical):
    values = np.random.default_rng(5).normal(0.7, 1.0, (1, 6, 4))
    noise = np.array([[0.1, 0.3, 0.5, 0.9]])
    expected = hierarchical.averaged_p(values, noise, hierarchical.HIERARCHICAL)
    of_units = hierarchical.averaged_p(values / 100, noise / 1e4, hierarchical.HIERARCHICAL)
    assert of_units == pytest.approx(expected, rel=1e-6)


def test_random_examples_widen_a_test_and_leave_it_where_they_say_nothing(hierarchical):
    values = np.random.default_rng(6).normal(0.7, 1.0, (1, 6, 4))
    noise = np.full((1, 4), 0.06)
    same = hierarchical.Components(noise, noise / 6)
    assert hierarchical.crossed_p(values, same) == pytest.approx(moderate(values).p(), rel=1e-6)
    wide = hierarchical.Components(noise, noise / 6 + 0.1)
    assert (hierarchical.crossed_p(values, wide) > moderate(values).p()).all()
