"""Variance components of fine-tunes nested in pretrainings, by the method of moments.

A run's score is ``mean + pretraining_p + finetune_pk``: P pretraining seeds, K fine-tunes of each.
Mean squares between and within pretrainings give both variances without an assumption on their
shapes; intervals take both as normal. Everything here is a pure function of numbers.
Sources: Searle, Casella & McCulloch 1992, ch. 3 (moments, exact interval of the ratio); Ting
et al. 1990, J. Stat. Comput. Simul. 35, and Burdick & Graybill 1992 (the modified large-sample
interval of a difference of mean squares).
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from mae_bench.analysis.moderated import Array
from mae_bench.analysis.stats import LEVEL

Ends = tuple[float, float]
_ROUNDING = 1e-9  # a spread this small beside the values is rounding noise


@dataclass(frozen=True)
class MeanSquare:
    """A sum of squares over its degrees of freedom, which a chi-square divides."""

    value: float
    freedom: int

    def interval(self) -> Ends:
        """Return the 95% interval of what it estimates."""
        low, high = (_chi_square(p, self.freedom) for p in (1 - LEVEL / 2, LEVEL / 2))
        return self.value / low, self.value / high


@dataclass(frozen=True)
class Components:
    """Where the spread of one arm's scores, or of the differences of two, comes from.

    Attributes:
        num_seeds: P, pretrainings with every fine-tune.
        num_finetunes: K, of each of them.
        between: mean square between pretrainings, of the scale of single runs.
        within: mean square of fine-tunes within pretrainings.
    """

    num_seeds: int
    num_finetunes: int
    between: MeanSquare
    within: MeanSquare

    @property
    def pretraining(self) -> float:
        """The variance of pretraining; the estimate is below 0 where ``between`` is the smaller."""
        return (self.between.value - self.within.value) / self.num_finetunes

    @property
    def finetune(self) -> float:
        """The variance of fine-tunes of one pretraining."""
        return self.within.value

    @property
    def ratio(self) -> float:
        """The variance of pretraining over that of fine-tunes; below 0 as ``pretraining``."""
        return self.pretraining / self.finetune

    @property
    def share(self) -> float:
        """The share of pretraining in the variance of a single run; 0 where estimated below."""
        return share_of(self.ratio)

    def pretraining_interval(self) -> Ends:
        """Return the 95% interval of the variance of pretraining, cut off at 0."""
        low, high = difference_interval(self.between, self.within)
        return max(low / self.num_finetunes, 0.0), max(high / self.num_finetunes, 0.0)

    def ratio_interval(self) -> Ends:
        """Return the exact 95% interval of the ratio of the variances, cut off at 0."""
        f = self.between.value / self.within.value
        freedom = self.between.freedom, self.within.freedom
        low, high = (
            (f / float(special.fdtri(*freedom, p)) - 1) / self.num_finetunes
            for p in (1 - LEVEL / 2, LEVEL / 2)
        )
        return max(low, 0.0), max(high, 0.0)


def nested_components(values: Array) -> Components | None:
    """Return the components of [P, K] scores; pretrainings that lack a fine-tune are left out.

    None where fewer than two pretrainings or fine-tunes are left, or where fine-tunes of one
    pretraining do not differ at all, so that no ratio can be formed.
    """
    values = values[np.isfinite(values).all(axis=1)]
    num_seeds, num_finetunes = values.shape
    if num_seeds < 2 or num_finetunes < 2:
        return None
    means = values.mean(axis=1)
    between = num_finetunes * np.var(means, ddof=1)
    within = np.var(values, axis=1, ddof=1).mean()
    if has_no_spread(float(within), values):
        return None
    return Components(
        num_seeds,
        num_finetunes,
        MeanSquare(float(between), num_seeds - 1),
        MeanSquare(float(within), num_seeds * (num_finetunes - 1)),
    )


def has_no_spread(variance: float, values: Array) -> bool:
    """Whether a variance of values is rounding noise."""
    return bool(np.sqrt(variance) <= _ROUNDING * max(float(np.abs(values).max()), 1e-3))


def share_of(ratio: float) -> float:
    """Return the share of pretraining in a single run's variance, from the ratio of the two."""
    return max(ratio, 0.0) / (1 + max(ratio, 0.0))


def narrowness(ratio: float, num_finetunes: int) -> float:
    """Return how many times too narrow an interval from fine-tunes of one pretraining is.

    It has the width of ``sqrt(finetune / n)``. As a statement on the objective, its mean has the
    variance ``pretraining + finetune / n``, since another pretraining would have another mean.
    """
    return float(np.sqrt(1 + num_finetunes * max(ratio, 0.0)))


def coverage(factor: float, num_finetunes: int) -> float:
    """Return how often a 95% t interval from n fine-tunes, so many times too narrow, is right.

    Exact for normal effects: the interval's own spread does not depend on the pretraining.
    """
    reach = special.stdtrit(num_finetunes - 1, 1 - LEVEL / 2) / factor
    return float(2 * special.stdtr(num_finetunes - 1, reach) - 1)


def difference_interval(more: MeanSquare, less: MeanSquare) -> Ends:
    """Return the 95% interval of what ``more - less`` estimates, by modified large samples.

    It holds 0 exactly where the F test of their ratio does.
    """
    low = _reach(more, less, 1 - LEVEL / 2)
    high = _reach(more, less, LEVEL / 2)
    estimate = more.value - less.value
    return estimate - low, estimate + high


def _reach(more: MeanSquare, less: MeanSquare, p: float) -> float:
    """Return how far one end lies from the estimate; the lower one at p above a half."""
    a = 1 - 1 / _chi_square(p, more.freedom)
    b = 1 / _chi_square(1 - p, less.freedom) - 1
    f = float(special.fdtri(more.freedom, less.freedom, p))
    both = ((f - 1) ** 2 - (a * f) ** 2 - b**2) / f
    squares = (a * more.value) ** 2 + (b * less.value) ** 2 + both * more.value * less.value
    return float(np.sqrt(max(squares, 0.0)))


def _chi_square(p: float, freedom: int) -> float:
    """Return the quantile of a chi-square over its degrees of freedom."""
    return float(special.chdtri(freedom, 1 - p)) / freedom
