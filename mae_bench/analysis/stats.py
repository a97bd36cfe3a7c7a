"""Statistics over paired seeds: what a family of differences shows, and 95% intervals.

Everything here is a pure function of numbers; pairing and wording live in `claims`. The seed is
what was repeated, so whatever a seed shares between tasks (its pretraining, its labels) is one.
Legend: S seeds, K hypotheses, C conditions. NaN = no pair.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mae_bench.analysis.moderated import Array
from mae_bench.analysis.multiplicity import false_discovery, holm
from mae_bench.analysis.pooled import Pooled

LEVEL = 0.05  # two-sided error rate; intervals cover 1 - LEVEL
CUT = 0.03  # a family-wise p below it decides; the gap to LEVEL covers skewed and resampled seeds
NONE: Array = np.empty(0)


def mean_intervals(values: Array) -> tuple[Array, Array]:
    """Return Student's 95% interval of each column's mean, from its own spread alone.

    Args:
        values: [S, K], NaN where there is no value.

    Returns:
        Lower and upper ends, [K]; NaN for a column without two values.
    """
    counts = np.isfinite(values).sum(axis=0)
    has_two = counts > 1
    kept = np.where(np.isfinite(values), values, 0.0)
    means = kept.sum(axis=0) / np.maximum(counts, 1)
    squares = np.where(np.isfinite(values), (values - means) ** 2, 0.0).sum(axis=0)
    freedom = np.maximum(counts - 1, 1)
    errors = np.sqrt(squares / freedom / np.maximum(counts, 1))
    half = special.stdtrit(freedom, 1 - LEVEL / 2) * errors
    return np.where(has_two, means - half, np.nan), np.where(has_two, means + half, np.nan)


def interquartile_mean(values: Array) -> float:
    """Return the mean of the middle half: a quarter of the values, rounded down, cut at each end.

    Source: Agarwal et al. 2021, arXiv:2108.13264.
    """
    cut = int(0.25 * values.size)
    return float(np.sort(values, axis=None)[cut : values.size - cut].mean())


def iqm_interval(values: Array) -> tuple[float, float]:
    """Return the 95% interval of the interquartile mean of [S, C] values.

    A jackknife over whole seeds, with all their conditions. One condition alone leaves only the
    seeds of its middle half as degrees of freedom (Yuen 1974, doi:10.1093/biomet/61.1.165).
    """
    num_seeds, num_conditions = values.shape
    if num_seeds < 2:
        return float("nan"), float("nan")
    without = [interquartile_mean(np.delete(values, seed, axis=0)) for seed in range(num_seeds)]
    error = np.sqrt((num_seeds - 1) * np.var(without))
    freedom = num_seeds - 1
    if num_conditions == 1:
        freedom -= 2 * int(0.25 * num_seeds)
    half = special.stdtrit(max(freedom, 1), 1 - LEVEL / 2) * error
    centre = interquartile_mean(values)
    return centre - float(half), centre + float(half)


@dataclass(frozen=True)
class FamilyTest:
    """T tests "the mean difference is this margin", adjusted together; first those of means.

    Attributes:
        column: the column of each test of a mean.
        margin: its margin.
        p: [T] two-sided, each on its own.
        p_family: [T] family-wise: Holm's, which holds under any dependence.
        q: [T] the false discovery rate of all tests with a p at most this one.
        known: the posteriors of the K means.
    """

    column: NDArray[np.int64]
    margin: Array
    p: Array
    p_family: Array
    q: Array
    known: Pooled

    @property
    def better(self) -> Array:
        """[K] posterior probabilities that the mean is above 0."""
        num_means = len(self.known.means)
        is_each = np.array_equal(self.column, np.arange(num_means))
        if is_each and not self.margin.any():
            return self.known.above_of(self.p[:num_means])
        return self.known.above()

    @property
    def within(self) -> Array:
        """[K] half-widths around the mean: equivalence needs margins outside it. Takes long."""
        # One test more than there are: an equivalence would replace one test by two.
        return self.known.half_width(CUT / (len(self.p) + 1))

    @property
    def spread(self) -> Array:
        """[K] standard deviations over seeds, shrunken towards those of the family's unit."""
        return self.known.spread


def family_test(
    differences: Array,
    margins: Sequence[Sequence[float]],
    others: Array = NONE,
    units: Sequence[Hashable] | None = None,
) -> FamilyTest:
    """Test K columns of paired differences, each against its margins.

    A column without any spread has no standard error of its own. With a family it takes the
    family's; its p is never below 2 / 2**n, that of the sign-flip test, which needs no spread.

    Args:
        differences: [S, K], NaN where a hypothesis has no pair at that seed.
        margins: for each column the values of the mean that are tested.
        others: p-values of tests that are none of means, adjusted with these.
        units: [K] what each column is counted in: spreads are shared within a unit, where p-values
            are adjusted over all. None where all are counted alike.
    """
    column = np.repeat(np.arange(len(margins)), [len(values) for values in margins])
    margin = np.array([value for values in margins for value in values])
    known = Pooled.of(differences, [None] * len(margins) if units is None else units)
    # `raw` takes its spread from the whole family. Adjusting multiplies it, and the result is
    # never below `alone`: no family may make a test surer than it is by itself.
    raw = known.p_of_spread(column, margin)
    alone = known.floored(column, raw)
    raw, alone = np.append(raw, others), np.append(alone, others)
    return FamilyTest(
        column,
        margin,
        alone,
        np.maximum(holm(raw), alone),
        np.maximum(false_discovery(raw), alone),
        known,
    )
