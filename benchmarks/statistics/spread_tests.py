"""Tests of two spreads over the same seeds: how often each errs, and what it finds.

    python benchmarks/statistics/spread_tests.py [--studies 8000]

Candidates: Pitman and Morgan's correlation of sums and differences; the same of ranks (McCulloch);
a paired t test of absolute deviations from the median (Levene, Brown and Forsythe); one of
jackknifed log variances (Miller); and the claim's own, which needs the ranks' p, and Pitman and
Morgan's interval. Shares of studies with p < .03, for equal spreads and for a ratio of three.
"Shared" is the part of a seed's variance that both sides have in common.
"""

import argparse
from collections.abc import Callable

import numpy as np
from claim_kinds import SEEDS, SHAPES, draws
from detectable_ratios import is_decided
from scipy import stats

from mae_bench.analysis.moderated import Array
from mae_bench.analysis.stats import CUT

SHARED = (0.0, 0.7)


def pitman_morgan(first: Array, second: Array) -> Array:
    """Return [B] p-values."""
    return np.asarray(stats.pearsonr(first + second, first - second, axis=1).pvalue)


def of_ranks(first: Array, second: Array) -> Array:
    """Return [B] p-values, by Student's t of the correlation of ranks."""
    ranks = [stats.rankdata(side, axis=1) for side in (first + second, first - second)]
    return np.asarray(stats.pearsonr(*ranks, axis=1).pvalue)


def levene(first: Array, second: Array) -> Array:
    """Return [B] p-values."""
    off = [np.abs(side - np.median(side, axis=1, keepdims=True)) for side in (first, second)]
    return np.asarray(stats.ttest_1samp(off[0] - off[1], 0, axis=1).pvalue)


def jackknife(first: Array, second: Array) -> Array:
    """Return [B] p-values."""
    n = first.shape[1]

    def gap(a: Array, b: Array) -> Array:
        return np.asarray(np.log(a.var(axis=1, ddof=1)) - np.log(b.var(axis=1, ddof=1)))

    without = [gap(np.delete(first, i, 1), np.delete(second, i, 1)) for i in range(n)]
    pseudo = np.stack([n * gap(first, second) - (n - 1) * part for part in without], axis=1)
    return np.asarray(stats.ttest_1samp(pseudo, 0, axis=1).pvalue)


TESTS: dict[str, Callable[[Array, Array], Array]] = {
    "Pitman, Morgan": lambda a, b: pitman_morgan(a, b) < CUT,
    "of ranks": lambda a, b: of_ranks(a, b) < CUT,
    "Levene": lambda a, b: levene(a, b) < CUT,
    "jackknife": lambda a, b: jackknife(a, b) < CUT,
    "the claim's": lambda a, b: is_decided(a, b, 1),
}


def main() -> None:
    """Print a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=8000)
    studies = parser.parse_args().studies
    print(f"| seeds | deviations | shared | ratio | {' | '.join(TESTS)} |")
    print(f"|--:|---|--:|--:|{'--:|' * len(TESTS)}")
    cases = [(shape, shared, 1.0) for shape in SHAPES for shared in SHARED]
    for count in SEEDS:
        for shape, shared, ratio in [*cases, ("normal", 0.3, 3.0)]:
            draw = draws(shape, np.random.default_rng(count))
            both = np.sqrt(shared) * draw((studies, count))
            sides = [both + np.sqrt(1 - shared) * draw((studies, count)) for _ in range(2)]
            shares = [test(ratio * sides[0], sides[1]).mean() for test in TESTS.values()]
            texts = [f"{share:.3f}".removeprefix("0") for share in shares]
            print(f"| {count} | {shape} | {shared} | {ratio:.0f} | {' | '.join(texts)} |")


if __name__ == "__main__":
    main()
