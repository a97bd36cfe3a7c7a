"""Columns of a family that borrow strength: those in one unit, for no other spreads can be alike.

Tokens to leave a plateau vary by hundred thousands, accuracies by hundredths: drawn from one
distribution of spreads, the smaller ones would be told as the larger.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mae_bench.analysis.moderated import Array, Posterior, moderate

Columns = NDArray[np.int64]


@dataclass(frozen=True)
class Pooled:
    """The posteriors of K means, those of one unit together.

    Attributes:
        groups: the columns of each unit; together all K.
        posteriors: of these columns.
    """

    groups: tuple[Columns, ...]
    posteriors: tuple[Posterior, ...]

    @classmethod
    def of(cls, differences: Array, units: Sequence[Hashable]) -> "Pooled":
        """Return the posteriors of [S, K] differences, NaN where no pair is.

        Args:
            differences: as `moderate` takes them.
            units: [K] what each column is counted in.
        """
        groups = tuple(
            np.array([column for column, other in enumerate(units) if other == unit])
            for unit in dict.fromkeys(units)
        )
        return cls(groups, tuple(moderate(differences[:, group]) for group in groups))

    @property
    def means(self) -> Array:
        """[K] means of the columns."""
        return self._joined(lambda known: known.means)

    @property
    def spread(self) -> Array:
        """[K] standard deviations over seeds, shrunken towards those of the unit."""
        return self._joined(lambda known: known.spread)

    def half_width(self, level: float) -> Array:
        """Return [K] `Posterior.half_width`."""
        return self._joined(lambda known: known.half_width(level))

    def above(self) -> Array:
        """Return [K] the posterior probability that each mean lies above 0."""
        return self._joined(lambda known: known.above())

    def above_of(self, p: Array) -> Array:
        """Return [K] the same from the `Posterior.p` of 0, which took long."""
        return self._tested(np.arange(len(p)), p, lambda known, own: known.above_of(0.0, own))

    def p_of_spread(self, column: Columns, values: Array) -> Array:
        """Return [T] p-values of "the mean of this column is this value", by the spreads alone."""
        return self._tested(column, values, Posterior.p_of_spread)

    def floored(self, column: Columns, p: Array) -> Array:
        """Return [T] these, for a column without spread at least that of the sign flip."""
        return self._tested(column, p, Posterior.floored)

    def _joined(self, read: Callable[[Posterior], Array]) -> Array:
        joined = np.empty(sum(map(len, self.groups)))
        for group, known in zip(self.groups, self.posteriors, strict=True):
            joined[group] = read(known)
        return joined

    def _tested(
        self, column: Columns, values: Array, test: Callable[[Posterior, Array], Array]
    ) -> Array:
        tested = np.empty(len(column))
        for group, known in zip(self.groups, self.posteriors, strict=True):
            is_here = np.isin(column, group)
            own = known.take(np.searchsorted(group, column[is_here]))
            tested[is_here] = test(own, values[is_here])
        return tested
