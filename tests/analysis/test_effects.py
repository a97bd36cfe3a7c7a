"""Shares of variance, tests and effects of a grid, against sums written out."""

import itertools

import numpy as np
import pytest
from scipy import stats

from mae_bench.analysis.effects import (
    REST,
    Design,
    decompose,
    level_effects,
    merged_factors,
)

SIZES = {"arm": 3, "depth": 2, "rate": 2}


def full(sizes=SIZES):
    """Return the design of every combination."""
    cells = np.array(list(itertools.product(*(range(n) for n in sizes.values())))).T
    return Design(dict(zip(sizes, cells, strict=True)))


def draws(design, num_seeds=7, seed=0):
    """Return values with effects, noise that differs from cell to cell, and a block effect."""
    rng = np.random.default_rng(seed)
    means = rng.normal(0, 1, design.num_cells)
    spread = rng.uniform(0.3, 1.2, design.num_cells)
    noise = rng.normal(0, 1, (num_seeds, design.num_cells)) * spread
    return 5 + means + noise + rng.normal(0, 0.7, (num_seeds, 1))


def marginal(values, design, names):
    """Return for each cell the mean over all cells with its levels of the named factors."""
    keys = list(zip(*(design.levels[name] for name in names), strict=True))
    return [
        float(np.mean([values[other] for other in range(len(keys)) if keys[other] == keys[cell]]))
        for cell in range(len(keys))
    ]


def effect(values, design, term):
    """Return the effect of a term in every cell, by the sums of a textbook: signs alternate."""
    total = np.zeros(design.num_cells)
    for size in range(len(term) + 1):
        for names in itertools.combinations(term, size):
            part = marginal(values, design, names) if names else [float(np.mean(values))]
            total += (-1) ** (len(term) - size) * np.array(part)
    return total


def degrees(term):
    """Return the degrees of freedom of a term of the full design."""
    return int(np.prod([SIZES[name] - 1 for name in term]))


@pytest.mark.parametrize("term", [("arm",), ("depth",), ("arm", "rate"), ("depth", "rate")])
def test_a_complete_grid_is_decomposed_as_in_a_textbook(term):
    design = full()
    values = draws(design)
    num_seeds, num_cells = values.shape
    part = next(t for t in decompose(values, design).terms if t.term == term)
    by_seed = np.array([effect(row, design, term) for row in values])
    of_means = effect(values.mean(axis=0), design, term)
    squares = num_seeds * float((of_means**2).sum())
    error = float(((by_seed - of_means) ** 2).sum())  # of the term's interaction with seeds
    df = degrees(term)
    assert part.df == df
    mean_error = error / (df * (num_seeds - 1))
    assert part.component == pytest.approx((squares / df - mean_error) * df / num_seeds / num_cells)
    if df == 1:  # Student's paired test, squared
        contrast = by_seed @ np.sign(by_seed[0])
        assert part.p == pytest.approx(stats.ttest_1samp(contrast, 0).pvalue)
        return
    centred = by_seed - of_means
    sizes = np.linalg.svd(centred, compute_uv=False) ** 2
    epsilon = sizes.sum() ** 2 / (df * (sizes**2).sum())
    ratio = squares / df / mean_error
    wanted = stats.f.sf(ratio, df * epsilon, df * (num_seeds - 1) * epsilon)
    assert part.p == pytest.approx(wanted)


def test_parts_add_up_to_the_variance_of_single_runs():
    design = full()
    values = draws(design)
    parts = decompose(values, design)
    shares = [term.component / parts.total for term in parts.terms]
    assert sum(shares) + parts.seed_share + parts.noise_share == pytest.approx(1)
    assert parts.unassigned_share == pytest.approx(0, abs=1e-12)
    assert [term.term for term in parts.terms][-1] == REST
    of_means = values.mean(axis=0).var()  # biased upwards by the noise of the means
    noise = (values - values.mean(axis=1)[:, None]).var(axis=0, ddof=1).mean() / len(values)
    whole = values.var(axis=0, ddof=1).mean()
    assert parts.total == pytest.approx(of_means - noise + whole)
    assert parts.seed_share * parts.total == pytest.approx(values.mean(axis=1).var(ddof=1))


def test_shares_are_unbiased_and_noise_alone_is_near_nothing():
    design = full({"arm": 2, "depth": 3})
    rng = np.random.default_rng(1)
    shares = [
        [term.component for term in decompose(rng.normal(0, 1, (6, 6)), design).terms]
        for _ in range(300)
    ]
    assert np.abs(np.mean(shares, axis=0)).max() < 0.02


def residual(columns, values):
    """Return the squares that a least-squares fit leaves."""
    solved = np.linalg.lstsq(columns, values, rcond=None)[0]
    return float(((values - columns @ solved) ** 2).sum())


def dummies(design, terms):
    """Return indicator columns of terms, and of the mean."""
    columns = [np.ones(design.num_cells)]
    for term in terms:
        for levels in itertools.product(*(np.unique(design.levels[name]) for name in term)):
            pairs = zip(term, levels, strict=True)
            columns.append(np.prod([design.levels[n] == level for n, level in pairs], axis=0))
    return np.stack(columns, axis=1).astype(float)


def test_with_gaps_a_term_is_what_it_explains_beyond_those_that_do_not_contain_it():
    whole = full({"arm": 3, "depth": 3})
    keep = [0, 1, 3, 4, 5, 6, 8]
    design = Design({name: index[keep] for name, index in whole.levels.items()})
    assert whole.is_complete and not design.is_complete
    values = draws(design)
    means = values.mean(axis=0)
    for name, other in (("arm", "depth"), ("depth", "arm")):
        wanted = residual(dummies(design, [(other,)]), means)
        wanted -= residual(dummies(design, [("arm",), ("depth",)]), means)
        basis = design.basis((name,))
        assert float(((means @ basis) ** 2).sum()) == pytest.approx(wanted)
        assert basis.shape[1] == 2
    pair = residual(dummies(design, [("arm",), ("depth",)]), means)
    basis = design.basis(("arm", "depth"))
    assert float(((means @ basis) ** 2).sum()) == pytest.approx(pair)
    assert basis.shape[1] == len(keep) - 5
    parts = decompose(values, design)
    told = sum(term.component for term in parts.terms) / parts.total
    assert told + parts.unassigned_share + parts.seed_share + parts.noise_share == pytest.approx(1)


def test_what_cannot_be_told_apart_is_no_term():
    design = Design({"arm": np.array([0, 1, 0, 1]), "depth": np.array([0, 0, 1, 1])})
    assert design.terms == (("arm",), ("depth",), ("arm", "depth"))
    line = Design({"arm": np.array([0, 1, 2]), "depth": np.array([0, 1, 1])})
    assert ("depth",) not in line.terms
    assert np.isnan(line.weights("arm")).all()


def test_levels_are_differences_of_plain_means_without_gaps():
    design = full()
    values = draws(design)
    means, low, high = level_effects(values, design, "arm")
    for level in range(3):
        mine = values[:, design.levels["arm"] == level].mean(axis=1) - values.mean(axis=1)
        assert means[level] == pytest.approx(mine.mean())
        ends = stats.t.interval(0.95, len(mine) - 1, mine.mean(), stats.sem(mine))
        assert (low[level], high[level]) == pytest.approx(ends)
    assert means.sum() == pytest.approx(0)


def test_levels_with_gaps_are_those_of_an_additive_model():
    whole = full({"arm": 3, "depth": 3})
    keep = [0, 1, 3, 4, 5, 6, 8]
    design = Design({name: index[keep] for name, index in whole.levels.items()})
    arm, depth = np.array([-2.0, 0.5, 1.5]), np.array([1.0, -3.0, 2.0])
    cells = 4 + arm[design.levels["arm"]] + depth[design.levels["depth"]]
    values = cells + np.arange(3.0)[:, None]
    assert level_effects(values, design, "arm")[0] == pytest.approx(arm)
    assert level_effects(values, design, "depth")[0] == pytest.approx(depth)
    plain = [values[:, design.levels["arm"] == i].mean() - values.mean() for i in range(3)]
    assert plain != pytest.approx(arm)  # which gaps bend


def test_without_spread_or_seeds_nothing_is_tested():
    design = full({"arm": 2, "depth": 2})
    same = np.tile([1.0, 2.0, 3.0, 5.0], (6, 1))
    parts = decompose(same, design)
    assert all(np.isnan(term.p) for term in parts.terms)
    assert sum(term.share for term in parts.terms) == pytest.approx(1)
    few = decompose(draws(design, 2), design)
    assert all(np.isnan([term.p, term.low]).all() for term in few.terms)


def test_factors_that_vary_together_are_one():
    levels = {"a": ["1", "1", "2"], "b": ["x", "x", "y"], "c": ["0"] * 3, "d": ["p", "q", "p"]}
    assert merged_factors(levels) == {"a/b": ("1/x", "1/x", "2/y"), "d": ("p", "q", "p")}
