"""What each factor of a grid explains: shares of variance, tests, and effects of levels.

A cell is one combination of levels, a row of values one seed, which has every cell: a randomised
block design with the seed as block. Everything is worked out from what a seed says of a term, so
that no sphericity is assumed: a term's error is its own interaction with seeds, as in a repeated
measures analysis of variance, with Greenhouse and Geisser's (1959, doi:10.1007/BF02289823) degrees
of freedom. A grid with gaps has no unique shares; there a term is adjusted for all terms that do
not contain it (sums of squares of Yates' type II; Langsrud 2003, doi:10.1023/A:1023260610025).
Legend: S seeds, J cells, D degrees of freedom of a term, L levels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mae_bench.analysis.moderated import Array
from mae_bench.analysis.stats import LEVEL, mean_intervals

_TOLERANCE = 1e-8
Term = tuple[str, ...]  # factors: one for a main effect, two for an interaction
REST: Term = ()  # interactions of more than two factors


@dataclass(frozen=True)
class Design:
    """The cells of a grid.

    Attributes:
        levels: by factor, the index [J] of each cell's level.
    """

    levels: Mapping[str, NDArray[np.int64]]
    _columns: dict[Term, Array] = field(default_factory=dict, compare=False, repr=False)

    @property
    def num_cells(self) -> int:
        """J."""
        return len(next(iter(self.levels.values())))

    @cached_property
    def is_complete(self) -> bool:
        """Whether every combination of the levels is there, once."""
        sizes = [len(np.unique(index)) for index in self.levels.values()]
        combined = {tuple(map(int, cell)) for cell in zip(*self.levels.values(), strict=True)}
        return len(combined) == self.num_cells == int(np.prod(sizes))

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """Main effects, interactions of two, and the rest; none that others explain already."""
        asked = [*((name,) for name in self.levels), *combinations(self.levels, 2), REST]
        return tuple(term for term in asked if self.basis(term).shape[1])

    def basis(self, term: Term) -> Array:
        """Return [J, D] orthonormal contrasts of a term, free of all terms that do not contain it.

        Of the rest: what neither a main effect nor an interaction of two explains.
        """
        if term not in self._columns:
            others: list[Array] = [np.ones((self.num_cells, 1))]
            mains: list[Term] = [(name,) for name in self.levels]
            for other in [*mains, *combinations(self.levels, 2)]:
                if term == REST or not set(term) <= set(other):
                    others.append(self._indicators(other))
            outer = _orthonormal(np.hstack(others))
            own = np.eye(self.num_cells) if term == REST else self._indicators(term)
            self._columns[term] = _orthonormal(own - outer @ (outer.T @ own))
        return self._columns[term]

    def weights(self, factor: str) -> Array:
        """Return [L, J] what turns cells into the deviations of a factor's levels.

        They are least squares of an additive model, in which the levels of each factor have a mean
        of 0; without gaps these are differences of plain means. NaN where the model has no answer.
        """
        blocks = {name: _sum_to_zero(index) for name, index in self.levels.items()}
        design = np.hstack([np.ones((self.num_cells, 1)), *blocks.values()])
        width = blocks[factor].shape[1]
        if np.linalg.matrix_rank(design, _TOLERANCE * self.num_cells) < design.shape[1]:
            return np.full((width + 1, self.num_cells), np.nan)
        names = list(blocks)
        start = 1 + sum(blocks[name].shape[1] for name in names[: names.index(factor)])
        solved = np.linalg.pinv(design)[start : start + width]
        return np.vstack([solved, -solved.sum(axis=0)])

    def _indicators(self, term: Term) -> Array:
        columns = np.ones((self.num_cells, 1))
        for name in term:
            index = self.levels[name]
            one = (index[:, None] == np.unique(index)).astype(np.float64)
            columns = (columns[:, :, None] * one[:, None, :]).reshape(self.num_cells, -1)
        return columns


@dataclass(frozen=True)
class Explained:
    """What one term explains.

    Attributes:
        df: contrasts of the term.
        component: estimated variance of the cells' true means that is the term's, in squared units;
            chance may take it below 0.
        share: of the variance of a single run, clipped to [0, 1].
        low: lower end of the share's interval, a jackknife over seeds, clipped. It is rough: meant
            for 95%, it covers 90 to 93% in simulations of 6 to 10 seeds with unequal spreads.
        high: its upper end.
        p: of no effect; NaN with fewer than three seeds.
    """

    term: Term
    df: int
    component: float
    share: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Decomposition:
    """The variance of single runs around the mean of a grid, in parts.

    Attributes:
        terms: in the order of `Design.terms`.
        seed_share: what all cells of a seed have in common.
        noise_share: the rest of what differs from seed to seed: seeds move cells differently.
        unassigned_share: of means; what the terms of a grid with gaps leave, or count twice.
        total: variance, in squared units.
    """

    terms: tuple[Explained, ...]
    seed_share: float
    noise_share: float
    unassigned_share: float
    total: float


def decompose(values: Array, design: Design) -> Decomposition:
    """Return the parts of the variance of [S, J] values, two seeds or more, none missing."""
    whole = _parts(values, design)
    num_seeds = len(values)
    without = np.array(
        [_shares(_parts(np.delete(values, seed, axis=0), design)) for seed in range(num_seeds)]
        if num_seeds > 2
        else np.full((1, len(design.terms)), np.nan)
    )
    shares = _shares(whole)
    half = np.full(len(shares), np.nan)
    if num_seeds > 2:
        error = np.sqrt((num_seeds - 1) * without.var(axis=0))
        half = special.stdtrit(num_seeds - 1, 1 - LEVEL / 2) * error
    explained = [
        Explained(
            term,
            design.basis(term).shape[1],
            component,
            _clipped(share),
            _clipped(share - wide),
            _clipped(share + wide),
            _p(values @ design.basis(term)),
        )
        for term, component, share, wide in zip(
            design.terms, whole.components, shares, half, strict=True
        )
    ]
    total = whole.total or np.nan
    return Decomposition(
        tuple(explained),
        whole.seed / total,
        whole.noise / total,
        (whole.means - sum(whole.components)) / total,
        whole.total,
    )


def _clipped(share: float) -> float:
    return float(np.clip(share, 0.0, 1.0))


@dataclass(frozen=True)
class _Parts:
    components: tuple[float, ...]
    means: float
    seed: float
    noise: float

    @property
    def total(self) -> float:
        return self.means + self.seed + self.noise


def _parts(values: Array, design: Design) -> _Parts:
    num_cells = design.num_cells
    centre = values.mean(axis=1)
    seed = float(centre.var(ddof=1))
    all_noise = float(values.var(axis=0, ddof=1).mean())
    centred = values - centre[:, None]
    components = [_component(values @ design.basis(term), num_cells) for term in design.terms]
    means = _component(centred, num_cells)
    return _Parts(tuple(components), means, seed, all_noise - seed)


def _component(contrasts: Array, num_cells: int) -> float:
    """Return the unbiased squared length of the true mean of [S, D] contrasts, a cell."""
    mean = contrasts.mean(axis=0)
    noise = contrasts.var(axis=0, ddof=1).sum() / len(contrasts)
    return float((mean @ mean - noise) / num_cells)


def _shares(parts: _Parts) -> Array:
    return np.array(parts.components) / (parts.total or np.nan)


def _p(contrasts: Array) -> float:
    """Return the p of a mean of 0 of [S, D] contrasts: F with corrected degrees of freedom."""
    num_seeds, df = contrasts.shape
    if num_seeds < 3:
        return float("nan")
    mean = contrasts.mean(axis=0)
    rest = contrasts - mean
    error = float((rest**2).sum())
    if error <= _TOLERANCE * float((contrasts**2).sum()):
        return float("nan")  # without any spread nothing can be tested
    # eigenvalues of the covariance, from the smaller of its two products
    inner = rest @ rest.T if num_seeds < df else rest.T @ rest
    epsilon = error**2 / (df * float((inner**2).sum()))
    ratio = num_seeds * float(mean @ mean) / df / (error / (df * (num_seeds - 1)))
    return float(special.fdtrc(df * epsilon, df * (num_seeds - 1) * epsilon, ratio))


def level_effects(values: Array, design: Design, factor: str) -> tuple[Array, Array, Array]:
    """Return [L] deviations of a factor's levels from the mean, with their 95% t intervals.

    Args:
        values: [S, J], none missing.
        design: of the cells.
        factor: one of its factors.
    """
    by_seed = values @ design.weights(factor).T
    low, high = mean_intervals(by_seed)
    return by_seed.mean(axis=0), low, high


def _sum_to_zero(index: NDArray[np.int64]) -> Array:
    levels = np.unique(index)
    one = (index[:, None] == levels[:-1]).astype(np.float64)
    return np.asarray(one - (index == levels[-1])[:, None], dtype=np.float64)


def _orthonormal(columns: Array) -> Array:
    left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(left[:, sizes > _TOLERANCE * max(1.0, len(columns))], dtype=np.float64)


def merged_factors(levels: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return factors [J] that differ: those with one level are dropped, equal partitions joined.

    Values that vary together can only be told apart by name: ``4/128`` of ``layers/width``.
    """
    groups: dict[tuple[int, ...], list[str]] = {}
    for name, values in levels.items():
        order = {value: place for place, value in enumerate(dict.fromkeys(values))}
        if len(order) > 1:
            groups.setdefault(tuple(order[value] for value in values), []).append(name)
    return {
        "/".join(names): tuple(
            "/".join(cell) for cell in zip(*(levels[n] for n in names), strict=True)
        )
        for names in groups.values()
    }
