"""Candidates that also use the stored predictions: models of (seed x task x example).

In column k, d[s, i] is 1 where only the treatment is right at seed s on test example i, -1 where
only the control is, else 0, and d[s, i] = mean + seed[s] + example[i] + rest[s, i]. All seeds share
the test examples, so example[i] moves no seed's difference from the others. The rest is averaged
over I examples and leaves ``noise``, which (S - 1)(I - 1) degrees of freedom estimate well:

    variance of the seeds' differences = variance of seed + noise

Legend: R studies, S seeds, K columns, I examples, Q variances, G priors.
"""

from dataclasses import dataclass, replace

import numpy as np
from procedures import CUTS, Rejected, integrated_p, moments, t_p
from scipy import special

from mae_bench.analysis.moderated import Array, moderate
from mae_bench.analysis.multiplicity import holm
from mae_bench.analysis.stats import LEVEL

Structure = tuple[float, float]
TREND: tuple[Structure, ...] = ((0.0, 0.0), (0.0, 1.0))
HIERARCHICAL: tuple[Structure, ...] = (*TREND, (1.0, 0.0), (1.0, 1.0))
_GRID = np.linspace(-8.0, 8.0, 129)  # log variance of seed, from the family's typical variance
_CENTRES = np.linspace(-7.0, 7.0, 57)  # of a family, equally likely beforehand
_FREEDOM = 2.0 ** np.arange(8)  # unlike to alike, as in `moderated`


def _priors() -> Array:
    """Return [G, Q] shares of the grid: scaled inverse chi-squares around each centre."""
    centres, freedom = (part.reshape(-1, 1) for part in np.meshgrid(_CENTRES, _FREEDOM))
    away = _GRID - centres
    shares = np.exp(-freedom / 2 * (away + np.exp(-away) - 1))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


_PRIORS = _priors()
_EXAMPLE_CUTS = (0.02, *CUTS)
_CHUNK = 4_000_000  # columns x ratios at once
_TINY = 1e-12


@dataclass(frozen=True)
class Components:
    """Variance components of each column's mean difference, estimated from test examples.

    Attributes:
        noise: [..., K] variance that its examples alone give to one seed's difference.
        of_examples: [..., K] variance that the choice of examples gives to the mean over seeds.
    """

    noise: Array
    of_examples: Array


def components(means: Array, products: Array, num_examples: Array) -> Components:
    """Return mean squares of the two-way table of seeds x examples, as variances of means.

    Args:
        means: [..., K, S] differences d, averaged over examples.
        products: [..., K, S, S] products of two seeds' d, averaged over examples.
        num_examples: [K].
    """
    num_seeds = means.shape[-1]
    grand = products.mean(axis=(-2, -1))  # mean square of the examples' means
    within = np.trace(products, axis1=-2, axis2=-1) - num_seeds * grand
    between = ((means - means.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
    noise = (within - between) / ((num_seeds - 1) * (num_examples - 1))
    of_examples = (grand - means.mean(axis=-1) ** 2) / (num_examples - 1)
    return Components(np.maximum(noise, 0.0), np.maximum(of_examples, 0.0))


def averaged_p(values: Array, noise: Array, structures: tuple[Structure, ...]) -> Array:
    """Return p averaged over ways in which variances follow the noise, by their likelihoods.

    A column's variance is ``share x noise + noise ** power x variance of seed``. The last factor
    has over the family the prior that the whole variance has in `moderated`; structure (0, 0) alone
    is today's test. The trend is as in limma (Law et al. 2014, doi:10.1186/gb-2014-15-2-r29), but
    learned from the family.

    Args:
        values: [R, S, K] differences.
        noise: [R, K].
        structures: (share, power), equally likely beforehand.
    """
    size = max(1, _CHUNK // (values.shape[2] * len(_GRID)))
    chunks = []
    for start in range(0, len(values), size):
        part = values[start : start + size], noise[start : start + size]
        p, evidence = zip(
            *(_integrated(*part, *structure) for structure in structures), strict=True
        )
        weights = np.exp(np.array(evidence) - np.max(evidence, axis=0))
        weights /= weights.sum(axis=0)
        chunks.append((weights[..., None] * np.array(p)).sum(axis=0))
    return np.concatenate(chunks)


def _integrated(values: Array, noise: Array, share: float, power: float) -> tuple[Array, Array]:
    """Return p [R, K] under one structure, and the log of its marginal likelihood [R]."""
    counts, means, variances = moments(values)
    own = (counts - 1.0)[..., None]  # [R, K, 1]
    is_known = noise > _TINY
    floor = np.where(is_known, noise, 1.0)
    unit = floor**power
    logs = np.log(np.where(is_known, np.maximum(variances, floor) / unit, 1.0))
    centre = logs.sum(axis=1) / np.maximum(is_known.sum(axis=1), 1)
    of_seed = unit[..., None] * np.exp(centre[:, None] + _GRID)[:, None]
    total = share * floor[..., None] + of_seed  # [R, K, Q]
    fit = -own / 2 * (np.log(total) + variances[..., None] / total)
    fit = np.where(is_known[..., None], fit, 0.0)
    best = fit.max(axis=-1, keepdims=True)
    fit = np.exp(fit - best)
    evidence = np.maximum(fit @ _PRIORS.T, 1e-300)  # [R, K, G]
    joint = np.log(evidence).sum(axis=1) + best.sum(axis=(1, 2))[:, None]
    top = joint.max(axis=1, keepdims=True)
    weights = np.exp(joint - top)
    whole = weights.sum(axis=1, keepdims=True)
    posterior = fit * ((weights / whole)[:, None] / evidence @ _PRIORS)
    errors = np.sqrt(total / counts[..., None])
    p = (posterior * 2 * special.ndtr(-np.abs(means)[..., None] / errors)).sum(axis=-1)
    by_signs = np.where(np.abs(means) > _TINY, 2.0 ** (1 - counts), 1.0)
    return np.where(is_known, p, by_signs), np.log(whole[:, 0]) + top[:, 0]


def crossed_p(values: Array, known: Components) -> Array:
    """Return p of today's test for other seeds *and* other examples of the same kind.

    Examples are random as well (Clark 1973, doi:10.1016/S0022-5371(73)80014-3), with degrees of
    freedom by Satterthwaite. The estimand is another one: the mean over all such examples.
    """
    extra = np.maximum(known.of_examples - known.noise / values.shape[1], 0.0)[:, None]  # [R, 1, K]
    size = max(1, 2_000_000 // (values.shape[2] * 168))
    chunks = []
    for start in range(0, len(values), size):
        posterior = moderate(values[start : start + size])
        squares = posterior.scales**2
        whole = squares + extra[start : start + size]
        freedom = posterior.freedom * (whole / np.maximum(squares, 1e-30)) ** 2
        chunks.append(replace(posterior, scales=np.sqrt(whole), freedom=freedom).p())
    return np.concatenate(chunks)


def example_verdicts(values: Array, known: Components) -> dict[str, Rejected]:
    """Return what each candidate decides at each cut of the family-wise p."""
    agrees = t_p(values) < LEVEL
    p_values = {
        "verdict": integrated_p(values),
        "trend": averaged_p(values, known.noise, TREND),
        "hierarchical": averaged_p(values, known.noise, HIERARCHICAL),
        "crossed": crossed_p(values, known),
    }
    adjusted = {name: holm(p) for name, p in p_values.items()}
    return {
        f"{name}; p < {cut}": (p < cut) & agrees
        for name, p in adjusted.items()
        for cut in _EXAMPLE_CUTS
    }
