"""The candidates: each takes differences [R, S, K] and returns what it rejects, [R, K].

All but `flips` also ask that the column's own 95% t interval excludes 0, as a verdict does.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mae_bench.analysis.moderated import Array, moderate
from mae_bench.analysis.multiplicity import false_discovery, holm
from mae_bench.analysis.stats import LEVEL

Rejected = NDArray[np.bool_]
CUTS = (0.025, 0.03, 0.035, 0.04, 0.05)  # of the family-wise p; `stats.CUT` is one of them
_MAX_PATTERNS = 512
_SLOW_COLUMNS = 60_000  # of all studies together, for the slow candidates
_CHUNK = 2_000_000  # columns x values of the prior at once


def hommel(p: Array) -> Rejected:
    """Reject by Hommel (1988)."""
    size = p.shape[-1]
    ranked = np.sort(p, axis=-1)
    largest = np.zeros(p.shape[:-1])
    for count in range(1, size + 1):
        is_open = (ranked[..., size - count :] > np.arange(1, count + 1) * LEVEL / count).all(-1)
        largest = np.where(is_open, count, largest)
    bound = LEVEL / np.maximum(largest, 1)
    return (largest == 0)[..., None] | (p <= bound[..., None])


def moments(values: Array) -> tuple[Array, Array, Array]:
    """Return counts, means and variances of the columns."""
    counts = np.isfinite(values).sum(axis=1)
    means = np.nanmean(values, axis=1)
    variances = np.nanvar(values, axis=1) * counts / np.maximum(counts - 1, 1)
    return counts, means, variances


def t_p(values: Array) -> Array:
    """Return p of the plain paired t test; that of the sign flip where nothing varies."""
    counts, means, variances = moments(values)
    errors = np.sqrt(variances / counts)
    sizes = np.divide(np.abs(means), errors, out=np.zeros_like(means), where=errors > 1e-12)
    p = 2 * special.stdtr(counts - 1.0, -sizes)
    return np.where((errors <= 1e-12) & (np.abs(means) > 1e-12), 2.0 ** (1 - counts), p)


def smyth_p(values: Array, cap: float = np.inf) -> Array:
    """Return p of limma's moderated t: d0 by moments, at most ``cap`` and the pooled freedom."""
    counts, means, variances = moments(values)
    own = counts - 1.0
    has = variances > 1e-20
    number = np.maximum(has.sum(axis=1), 1)
    logs = np.log(np.where(has, variances, 1.0)) - special.digamma(own / 2) + np.log(own / 2)
    centre = np.where(has, logs, 0).sum(axis=1) / number
    excess = (np.where(has, logs - centre[:, None], 0) ** 2).sum(axis=1)
    excess = excess / np.maximum(number - 1, 1)
    excess -= np.where(has, special.polygamma(1, own / 2), 0).sum(axis=1) / number
    steps = np.linspace(np.log(0.05), np.log(2e4), 4000)
    solved = 2 * np.exp(np.interp(-excess, -special.polygamma(1, np.exp(steps)), steps))
    freedom = np.where(excess > 0, np.minimum(solved, cap), cap)
    pooled = np.where(has, own, 0).sum(axis=1)
    freedom = np.clip(np.minimum(freedom, pooled - own.mean(axis=1)), 1e-6, 1e6)[:, None]
    prior = np.exp(centre[:, None] + special.digamma(freedom / 2) - np.log(freedom / 2))
    posterior = (freedom * prior + own * variances) / (freedom + own)
    sizes = np.abs(means) / np.sqrt(np.maximum(posterior, 1e-30) / counts)
    return 2 * special.stdtr(freedom + own, -sizes)


def integrated_p(values: Array) -> Array:
    """Return p of the moderated t whose prior is integrated out: what the package uses."""
    size = max(1, _CHUNK // (values.shape[2] * 168) + 1)
    chunks = [moderate(values[i : i + size]).p() for i in range(0, len(values), size)]
    return np.concatenate(chunks)


def signs(num_seeds: int) -> Array:
    """Return sign patterns, the observed one first: all if few, else some drawn."""
    if 2 ** (num_seeds - 1) <= _MAX_PATTERNS:
        codes = np.arange(2 ** (num_seeds - 1))
        return 1.0 - 2.0 * ((codes[:, None] >> np.arange(num_seeds)) & 1)
    drawn = 1.0 - 2.0 * np.random.default_rng(0).integers(0, 2, (_MAX_PATTERNS, num_seeds))
    drawn[0] = 1.0
    return drawn


def flips(values: Array, scale: Callable[[Array, Array], Array]) -> Rejected:
    """Reject by the step-down max over joint sign flips (Westfall & Young 1993).

    ``scale`` gets sums [R, F, K] of flipped columns and the columns, and returns statistics.
    """
    filled = np.nan_to_num(values)
    patterns = signs(values.shape[1])
    rejected = []
    size = max(1, 4_000_000 // (len(patterns) * values.shape[2]))
    for start in range(0, len(values), size):
        part = filled[start : start + size]
        sizes = np.abs(scale(np.einsum("fs,rsk->rfk", patterns, part), part))
        observed = sizes[:, 0]
        order = np.argsort(observed, axis=-1, kind="stable")
        reached = np.maximum.accumulate(np.take_along_axis(sizes, order[:, None], -1), axis=-1)
        own = np.take_along_axis(observed, order, -1)[:, None] * (1 - 1e-9)
        p = (reached >= own).mean(axis=1)
        p = np.flip(np.maximum.accumulate(np.flip(p, -1), -1), -1)
        whole = np.empty_like(p)
        np.put_along_axis(whole, order, p, -1)
        rejected.append(whole < LEVEL)
    return np.concatenate(rejected)


def by_t(sums: Array, part: Array) -> Array:
    """Studentise; the norm of a column does not change under flips."""
    norms = np.sqrt((part**2).sum(axis=1) * (part != 0).sum(axis=1))
    return sums / np.maximum(norms, 1e-12)[:, None]


def unscaled(sums: Array, part: Array) -> Array:
    """Leave the means as they are."""
    return sums


def by_moderated(sums: Array, part: Array) -> Array:
    """Studentise by a spread shrunken half way to the family's, computed under each flip."""
    num_seeds = part.shape[1]
    squares = (part**2).sum(axis=1)[:, None]
    own = np.maximum(squares - sums**2 / num_seeds, 0) / (num_seeds - 1)
    typical = np.median(own, axis=-1, keepdims=True)
    return sums / np.sqrt(np.maximum(own + typical, 1e-12))


def bootstrap(values: Array, draws: int = 500) -> Rejected:
    """Reject by the step-down minimum p over normal draws with the shrunken correlation.

    The p-values are those of `integrated_p`; the sample correlation is drawn half way to its
    mean, because six seeds estimate each entry badly (after Romano & Wolf 2005).
    """
    p = integrated_p(values)
    rng = np.random.default_rng(1)
    residuals = np.nan_to_num(values - np.nanmean(values, axis=1, keepdims=True))
    norms = np.sqrt((residuals**2).sum(axis=1, keepdims=True))
    unit = np.divide(residuals, norms, out=np.zeros_like(residuals), where=norms > 0)
    rejected = np.zeros(p.shape, dtype=bool)
    num_seeds, size = values.shape[1:]
    for study, columns in enumerate(unit):
        products = columns.T @ columns
        shared = np.clip((products.sum() - np.trace(products)) / max(size * (size - 1), 1), 0, 1)
        drawn = np.sqrt(0.5) * rng.standard_normal((draws, num_seeds)) @ columns
        drawn += np.sqrt(0.5 * shared) * rng.standard_normal((draws, 1))
        drawn += np.sqrt(0.5 * (1 - shared)) * rng.standard_normal((draws, size))
        order = np.argsort(p[study])
        null = 2 * special.ndtr(-np.abs(drawn[:, order]))
        lowest = np.minimum.accumulate(null[:, ::-1], axis=1)[:, ::-1]
        adjusted = (1 + (lowest <= p[study][order]).sum(axis=0)) / (1 + draws)
        rejected[study, order] = np.maximum.accumulate(adjusted) <= LEVEL
    return rejected


def verdicts(values: Array) -> dict[str, Rejected]:
    """Return what the package decides, and would decide if it asked for another p."""
    p, agrees = holm(integrated_p(values)), t_p(values) < LEVEL
    return {str(cut): (p < cut) & agrees for cut in CUTS}


def candidates(values: Array) -> dict[str, Rejected]:
    """Return what each candidate rejects; the slow ones in the first studies of large families."""
    own, smyth, capped, integrated = (
        t_p(values),
        smyth_p(values),
        smyth_p(values, 10.0),
        integrated_p(values),
    )
    agrees = own < LEVEL
    few = values[: _SLOW_COLUMNS // values.shape[2]]
    return {
        "moderated, d0 integrated; Holm": (holm(integrated) < LEVEL) & agrees,
        "moderated, d0 integrated; Hommel": hommel(integrated) & agrees,
        "moderated, d0 integrated; bootstrap max": bootstrap(few) & agrees[: len(few)],
        "moderated, d0 integrated; FDR": (false_discovery(integrated) < LEVEL) & agrees,
        "moderated, d0 by moments; Holm": (holm(smyth) < LEVEL) & agrees,
        "moderated, d0 <= 10; Holm": (holm(capped) < LEVEL) & agrees,
        "t; Holm": holm(own) < LEVEL,
        "t; Hommel": hommel(own),
        "flips of t; max": flips(few, by_t),
        "flips of moderated t; max": flips(few, by_moderated),
        "flips of means; max": flips(few, unscaled),
    }
