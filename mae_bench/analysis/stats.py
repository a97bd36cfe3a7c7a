"""Statistics over paired seeds: intervals, permutation tests, families, what n can detect.

Everything here is a pure function of numbers; pairing and wording live in `claims`. Intervals
resample seeds, and tests flip the signs of whole seeds, so that whatever a seed shares between
tasks (its pretraining, its subset of labels) stays together.
Legend: S seeds, K hypotheses, C conditions, B resamples, F sign patterns. NaN = no pair.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mae_bench.seeding import seed_for

Array = NDArray[np.floating[Any]]

LEVEL = 0.05
NUM_RESAMPLES = 10_000
_EXACT_SEEDS = 16  # up to 2**16 sign patterns are enumerated, beyond that drawn
_TINY = 1e-12  # differences below it are rounding noise, not effects


@cache
def _resamples(num_seeds: int) -> Array:
    """Return [B, S] how often each resample holds each seed; the same for every hypothesis."""
    generator = np.random.default_rng(seed_for("statistics", family=f"bootstrap {num_seeds}"))
    draws = generator.multinomial(num_seeds, np.full(num_seeds, 1 / num_seeds), NUM_RESAMPLES)
    return draws.astype(np.float64)


@cache
def sign_patterns(num_seeds: int) -> Array:
    """Return [F, S] of +1 and -1, one of each pair of opposite patterns, the observed one first.

    All of them up to 16 seeds; beyond that the observed pattern and 65,535 drawn ones, which is
    the "+1" of a valid Monte Carlo p (Phipson & Smyth 2010, arXiv:1603.05766).
    """
    if num_seeds <= _EXACT_SEEDS:
        codes = np.arange(2 ** (num_seeds - 1), dtype=np.int64)
        bits = (codes[:, None] >> np.arange(num_seeds)) & 1  # the last seed never flips
        return 1.0 - 2.0 * bits
    generator = np.random.default_rng(seed_for("statistics", family=f"signs {num_seeds}"))
    signs = 1.0 - 2.0 * generator.integers(0, 2, (2**_EXACT_SEEDS, num_seeds))
    signs[0] = 1.0
    return signs


def mean_intervals(values: Array) -> tuple[Array, Array]:
    """Return the 95% percentile bootstrap interval of each column's mean.

    Args:
        values: [S, K]; each column is resampled over its own seeds that are not NaN.

    Returns:
        Lower and upper ends, [K]; NaN for a column without two values.
    """
    low = np.full(values.shape[1], np.nan)
    high = low.copy()
    counts = np.isfinite(values).sum(axis=0)
    for count in np.unique(counts[counts >= 2]):
        columns = np.flatnonzero(counts == count)
        kept = np.stack([v[np.isfinite(v)] for v in values[:, columns].T])  # [K, S]
        for chunk in np.array_split(np.arange(len(columns)), len(columns) // 256 + 1):
            means = kept[chunk] @ _resamples(int(count)).T / count  # [K, B]
            ends = np.quantile(means, [LEVEL / 2, 1 - LEVEL / 2], axis=1)
            low[columns[chunk]], high[columns[chunk]] = ends
    return low, high


def interquartile_mean(values: Array) -> float:
    """Return the mean of the middle half: a quarter of the values, rounded down, cut at each end.

    Source: Agarwal et al. 2021, arXiv:2108.13264.
    """
    cut = int(0.25 * values.size)
    return float(np.sort(values, axis=None)[cut : values.size - cut].mean())


def iqm_interval(values: Array) -> tuple[float, float]:
    """Return the 95% bootstrap interval of the interquartile mean of [S, C] values.

    Seeds are resampled whole, with all their conditions, so every resample is balanced over
    the conditions: the stratification that a fully crossed study needs.
    """
    num_seeds, num_conditions = values.shape
    if num_seeds < 2:
        return float("nan"), float("nan")
    flat = values.ravel()
    order = np.argsort(flat, kind="stable")
    times = _resamples(num_seeds)[:, order // num_conditions]
    total = flat.size
    cut = int(0.25 * total)
    # A value counts as often as its copies fall inside the middle half of the sorted resample.
    until = np.clip(np.cumsum(times, axis=1), cut, total - cut)
    weights = np.diff(until, axis=1, prepend=float(cut))
    means = weights @ flat[order] / (total - 2 * cut)
    low, high = np.quantile(means, [LEVEL / 2, 1 - LEVEL / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class FlipTest:
    """Sign-flip permutation tests of K hypotheses "the differences are symmetric about 0".

    Attributes:
        p: two-sided, each hypothesis on its own.
        p_greater: one-sided, against a positive mean.
        p_less: one-sided, against a negative mean.
        p_family: two-sided, family-wise over the K hypotheses (Westfall-Young).
    """

    p: Array
    p_greater: Array
    p_less: Array
    p_family: Array


def flip_test(differences: Array) -> FlipTest:
    """Test K columns of paired differences at once, flipping whole seeds.

    The family is adjusted by the step-down max-T of Westfall & Young (1993) over the joint sign
    flips: valid under any dependence between the hypotheses, because a seed keeps all its
    differences together. Holm's correction cannot go below K * 2 / 2**S, so that six seeds
    could never decide a family of two; here the floor stays 2 / 2**S for effects that are
    strong in every seed.

    Args:
        differences: [S, K], NaN where a hypothesis has no pair at that seed.
    """
    num_hypotheses = differences.shape[1]
    differences = differences[np.isfinite(differences).any(axis=1)]
    filled = np.nan_to_num(differences, nan=0.0)
    filled = np.where(np.abs(filled) < _TINY, 0.0, filled)
    # The norm does not change under flips, so this is a monotone function of the t statistic.
    pairs = np.maximum(np.isfinite(differences).sum(axis=0), 1)
    norms = np.sqrt(pairs * (filled**2).sum(axis=0))
    scaled = np.divide(filled, norms, out=np.zeros_like(filled), where=norms > 0)
    observed = scaled.sum(axis=0)
    signs = sign_patterns(len(differences))
    p, greater, less, family = (np.ones(num_hypotheses) for _ in range(4))
    reached = np.zeros(len(signs))
    for k in np.argsort(np.abs(observed), kind="stable"):  # weakest first: maxima from the tail
        flipped = signs @ scaled[:, k]
        size = abs(observed[k]) - 1e-9  # ties count, whatever the rounding
        p[k] = np.mean(np.abs(flipped) >= size)
        at_least = np.mean(flipped >= observed[k] - 1e-9)
        mirrored = np.mean(-flipped >= observed[k] - 1e-9)
        greater[k] = (at_least + mirrored) / 2
        less[k] = (
            np.mean(flipped <= observed[k] + 1e-9) + np.mean(-flipped <= observed[k] + 1e-9)
        ) / 2
        reached = np.maximum(reached, np.abs(flipped))
        family[k] = np.mean(reached >= size)
    strongest_first = np.argsort(-np.abs(observed), kind="stable")
    family[strongest_first] = np.maximum.accumulate(family[strongest_first])
    return FlipTest(p, greater, less, family)


def holm(p: Array) -> Array:
    """Return Holm's step-down adjusted p-values (Holm 1979)."""
    order = np.argsort(p, kind="stable")
    factors = len(p) - np.arange(len(p))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return adjusted


@cache
def detectable_effect(num_seeds: int, power: float = 0.8, level: float = LEVEL) -> float:
    """Return the smallest mean difference that a paired t test finds, in SDs of the difference.

    Two-sided, at the given power: 3.3 with three seeds, 1.7 with five, 1.0 with ten, .66 with
    twenty. Infinite below two seeds.
    """
    if num_seeds < 2:
        return float("inf")
    freedom = num_seeds - 1
    critical = special.stdtrit(freedom, 1 - level / 2)
    low, high = 0.0, 50.0
    while high - low > 1e-9:
        effect = (low + high) / 2
        shift = effect * np.sqrt(num_seeds)
        # where a tail is too thin for the function, it returns nan: nothing lies there
        missed = np.nan_to_num(special.nctdtr(freedom, shift, critical))
        above, below = 1 - missed, np.nan_to_num(special.nctdtr(freedom, shift, -critical))
        low, high = (low, effect) if above + below > power else (effect, high)
    return high
