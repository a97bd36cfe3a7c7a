"""Means of paired differences whose variances borrow strength from the family.

Six seeds give a variance five degrees of freedom; a family of tests has more, if its spreads are
alike. How alike is learned from the family: each column's variance is drawn from a scaled inverse
chi-square with ``d0`` prior degrees of freedom around ``s0`` (Smyth 2004,
doi:10.2202/1544-6115.1027). Smyth plugs in one estimate of both, which is too sure of itself where
columns are few. Here both are integrated out: one column alone gives exactly Student's t, and many
alike come near to a z test.
Legend: S seeds, K columns, P values of d0, U values of s0, G = P x U. "..." are studies, if many.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.floating[Any]]

_PRIOR_FREEDOM = 2.0 ** np.arange(8)  # 1 to 128, equally likely a priori: unlike to alike spreads
_OFFSETS = np.linspace(-8.0, 8.0, 21)  # of log s0 from its mode, in its standard deviations
_NEWTON_STEPS = 12
_ROUNDING = 1e-9  # a spread this small beside the values is rounding noise
_SECANT_STEPS = 60
_TRIFLE = 1e-17  # a share of a probability that its rounding is larger than
_NOTHING = 1e-40  # a weight that no probability is small enough to tell
_SECANT_END = 1e-9  # of a logarithm; the step after it would be far smaller
_TINY = 1e-12  # a mean this close to the tested value equals it


@dataclass(frozen=True)
class Posterior:
    """Posterior of K means: mixtures of t distributions, under a flat prior on each mean.

    Attributes:
        means: [..., K]; NaN without a value.
        scales: [..., G, K] standard errors.
        freedom: [..., G, K] degrees of freedom.
        weights: [..., G], of sum 1.
        is_constant: [..., K] whether a column has no spread of its own to judge it by.
        counts: [..., K] seeds with a value.
    """

    means: Array
    scales: Array
    freedom: Array
    weights: Array
    is_constant: NDArray[np.bool_]
    counts: NDArray[np.int64]

    def tail(self, distance: Array) -> Array:
        """Return [..., K] the probability of lying further below the mean than a distance >= 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = -distance[..., None, :] / self.scales
        ratio = np.where(np.isnan(ratio), 0.0, ratio)  # 0 / 0: no distance and no spread
        return _mixed(self.weights, special.stdtr(self.freedom, ratio))

    def p_of_spread(self, values: Array | float = 0.0) -> Array:
        """Return [..., K] two-sided p-values of "the mean is this value", by the spreads alone."""
        distance = np.abs(self.means - values)
        return 2 * self.tail(np.where(distance < _TINY, 0.0, distance))

    def p(self, values: Array | float = 0.0) -> Array:
        """Return the same, for a column without spread at least that of the sign flip, 2 / 2**n."""
        return self.floored(self.p_of_spread(values))

    def floored(self, p: Array) -> Array:
        """Return [..., K] p-values of `p_of_spread`, with that least p."""
        least = 2.0 ** (1 - self.counts)
        floored = np.where(self.is_constant & (p < 1), np.maximum(p, least), p)
        return np.asarray(floored, dtype=np.float64)

    def above(self, values: Array | float = 0.0) -> Array:
        """Return [..., K] the posterior probability that each mean lies above a value."""
        return self.above_of(values, self.p(values))

    def above_of(self, values: Array | float, p: Array) -> Array:
        """Return the same from the `p` of these values."""
        tail = p / 2
        return np.asarray(np.where(self.means >= values, 1 - tail, tail), dtype=np.float64)

    def take(self, columns: NDArray[np.int64]) -> "Posterior":
        """Return these columns, in this order, of the same family."""
        return Posterior(
            self.means[..., columns],
            self.scales[..., columns],
            self.freedom[..., columns],
            self.weights,
            self.is_constant[..., columns],
            self.counts[..., columns],
        )

    def without_trifles(self, least: float) -> "Posterior":
        """Return the posterior without the parts whose weights are smaller, of a single study.

        No probability changes by more than the sum of these weights.
        """
        is_kept = self.weights > least
        return replace(
            self,
            scales=self.scales[is_kept],
            freedom=self.freedom[is_kept],
            weights=self.weights[is_kept],
        )

    def half_width(self, level: float) -> Array:
        """Return [..., K] half of the central interval that leaves ``level`` outside.

        It is 0 where the family has no spread.
        """
        if self.weights.ndim == 1 and self.weights.min() <= _TRIFLE * level:
            return self.without_trifles(_TRIFLE * level).half_width(level)
        # Along logarithms a tail is nearly a straight line: the secant method ends in few steps.
        has_scale = (self.scales > 0).any(axis=-2)
        width = np.where(has_scale, np.sqrt(_mixed(self.weights, self.scales**2)), 1.0)
        at = np.log(width * -special.ndtri(level / 2))
        before = at - 0.1
        error_before, error = self._log_error(before, level), self._log_error(at, level)
        for _ in range(_SECANT_STEPS):
            with np.errstate(divide="ignore", invalid="ignore"):
                step = error * (at - before) / (error - error_before)
            step = np.where(np.isfinite(step), np.clip(step, -2.0, 2.0), 0.0)
            before, error_before, at = at, error, at - step
            if not (np.abs(step) > _SECANT_END).any():
                break
            error = self._log_error(at, level)
        return np.asarray(np.where(has_scale, np.exp(at), 0.0), dtype=np.float64)

    def _log_error(self, log_distance: Array, level: float) -> Array:
        """Return [..., K] how far the log of what lies outside a distance is above that asked."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(2 * self.tail(np.exp(log_distance)) / level))

    @property
    def spread(self) -> Array:
        """[..., K] standard deviations over seeds, shrunken towards the family's."""
        variances = self.scales**2 * self.counts[..., None, :]
        return np.sqrt(_mixed(self.weights, variances))


def _mixed(weights: Array, parts: Array) -> Array:
    """Return [..., K] means of [..., G, K] parts under [..., G] weights."""
    return np.asarray(np.einsum("...g,...gk->...k", weights, parts), dtype=np.float64)


def moderate(differences: Array) -> Posterior:
    """Return the posterior of the column means of [..., S, K] differences, NaN where no pair is.

    The likelihood takes columns as independent. Simulations with correlations up to .8 keep the
    level (benchmarks/statistics).
    """
    is_there = np.isfinite(differences)
    counts = is_there.sum(axis=-2)
    filled = np.where(is_there, differences, 0.0)
    means = filled.sum(axis=-2) / np.where(counts > 0, counts, np.nan)
    residuals = np.where(is_there, differences - means[..., None, :], 0.0)
    own = np.maximum(counts - 1.0, 0.0)
    variances = (residuals**2).sum(axis=-2) / np.maximum(own, 1.0)
    largest = np.abs(filled).max(axis=-2)
    has_spread = (own > 0) & (np.sqrt(variances) > _ROUNDING * np.maximum(largest, 1e-3))
    variances = np.where(has_spread, variances, 0.0)
    # The family's spread is unknown in size (s0) and in strength (d0, as degrees of freedom).
    # A grid over both, P strengths and U sizes around the likeliest, stands for their posterior:
    # a sum instead of an integral, and the same numbers on every machine.
    prior = _PRIOR_FREEDOM[:, None]  # [P, 1]
    of_prior, of_column = prior[..., None], own[..., None, None, :]  # [P, 1, 1], [..., 1, 1, K]
    logs = np.log(np.where(has_spread, variances, 1.0))
    mode, deviation = _mode(logs, own, has_spread)
    grid = (mode + deviation * _OFFSETS)[..., None]  # [..., P, U, 1]
    ratio = np.exp(logs[..., None, None, :] - grid)
    likelihood = (  # of s2 / s0, an F distribution
        special.gammaln((of_column + of_prior) / 2)
        - special.gammaln(of_prior / 2)
        + of_column / 2 * np.log(np.maximum(of_column, 1.0) / of_prior * ratio)
        - (of_column + of_prior) / 2 * np.log1p(of_column * ratio / of_prior)
    )
    joint = (has_spread[..., None, None, :] * likelihood).sum(axis=-1)
    joint += np.log(deviation)  # the width of a step of the grid
    weights = np.exp(joint - joint.max(axis=(-2, -1), keepdims=True))
    weights /= weights.sum(axis=(-2, -1), keepdims=True)
    total = of_prior + of_column
    pooled = of_prior * np.exp(grid) + of_column * variances[..., None, None, :]
    # without any spread in the family there is no prior either
    pooled = np.where(has_spread.any(axis=-1)[..., None, None, None], pooled, 0.0)
    total, pooled = np.broadcast_arrays(total, pooled)
    scales = np.sqrt(pooled / total / np.maximum(counts, 1)[..., None, None, :])
    num_grid = scales.shape[-3] * scales.shape[-2]
    flat = (*scales.shape[:-3], num_grid, scales.shape[-1])
    known = Posterior(
        means,
        scales.reshape(flat),
        total.reshape(flat),
        weights.reshape(flat[:-1]),
        ~has_spread & (counts > 0),
        counts,
    )
    return known.without_trifles(_NOTHING) if known.weights.ndim == 1 else known


def _mode(logs: Array, own: Array, has_spread: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Return, [..., P, 1] each, the likeliest log s0 for each d0, and its standard deviation."""
    prior = _PRIOR_FREEDOM[:, None]
    logs, own = logs[..., None, :], own[..., None, :]
    counts = has_spread[..., None, :].astype(np.float64)
    start = (counts * logs).sum(axis=-1, keepdims=True) / np.maximum(
        counts.sum(axis=-1, keepdims=True), 1.0
    )
    mode = np.broadcast_to(start, (*start.shape[:-2], len(prior), 1))
    half = (own + prior) / 2
    for _ in range(_NEWTON_STEPS):  # the likelihood is log-concave in log s0
        share = own / (own + prior * np.exp(mode - logs))
        slope = (counts * (half * share - own / 2)).sum(axis=-1, keepdims=True)
        curve = (counts * half * share * (1 - share)).sum(axis=-1, keepdims=True)
        mode = mode + np.clip(slope / np.maximum(curve, 1e-12), -1.0, 1.0)
    information = (counts * own * prior / (2 * (own + prior + 2))).sum(axis=-1, keepdims=True)
    return mode, 1 / np.sqrt(np.maximum(information, 1e-3))
