"""Outcomes of a family of claims: where its test and the intervals agree, and what lost runs leave.

These alone are quick. The numbers of a verdict beside them take far longer: see `claims`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mae_bench.analysis.moderated import Array
from mae_bench.analysis.pairs import Pairs
from mae_bench.analysis.stats import CUT, FamilyTest, family_test, mean_intervals
from mae_bench.analysis.verdicts import Outcome


@dataclass(frozen=True)
class Tested:
    """A family's test beside what must agree with it.

    Attributes:
        means: [K] of the claims.
        ends: [2, K] of their intervals.
    """

    test: FamilyTest
    means: Array
    ends: Array

    @classmethod
    def of(cls, pairs: Sequence[Pairs], columns: Sequence[Array]) -> "Tested":
        """Return the test of the columns [S] of these claims, adjusted as one family."""
        values = np.stack(columns, axis=1)
        test = family_test(values, [pair.margins for pair in pairs])
        return cls(test, np.nanmean(values, axis=0), np.stack(mean_intervals(values)))

    def outcomes(self) -> list[tuple[Outcome, int]]:
        """Return the outcome of each claim, and which test shows it."""
        return [self._outcome(column) for column in range(len(self.means))]

    def _outcome(self, column: int) -> tuple[Outcome, int]:
        """Return the outcome of one claim: both the test and the interval must agree."""
        test, mean, (low, high) = self.test, self.means[column], self.ends[:, column]
        mine = np.flatnonzero(test.column == column)
        margins, p_family = test.margin[mine], test.p_family[mine]
        is_significant = p_family < CUT
        is_above = is_significant & (mean > margins) & (low > margins)
        is_below = is_significant & (mean < margins) & (high < margins)
        # Two margins: equivalence needs "above the lower" and "below the upper"; either of the
        # opposite findings refutes it.
        if len(margins) == 2:
            is_supported, is_refuted = is_above[0] and is_below[1], is_below[0] or is_above[1]
            shown = p_family.min() if is_refuted else p_family.max()
            index = mine[np.flatnonzero(p_family == shown)[0]]
        else:
            is_supported, is_refuted, index = is_above[0], is_below[0], mine[0]
        if is_supported:
            return "supported", int(index)
        return ("refuted" if is_refuted else "not decidable"), int(index)


def outcomes_of(pairs: Sequence[Pairs], columns: Sequence[Array]) -> list[Outcome]:
    """Return the outcomes alone, of columns [S] of these claims."""
    return [outcome for outcome, _ in Tested.of(pairs, columns).outcomes()] if pairs else []


def holding_of(pairs: Sequence[Pairs], outcomes: Sequence[Outcome]) -> list[bool]:
    """Return which outcomes hold when unequal failures count against the side that won."""
    if all(pair.losses.are_equal for pair in pairs):
        return [True] * len(pairs)
    against_treatment = outcomes_of(pairs, [pair.worst_case(is_against=True) for pair in pairs])
    against_control = outcomes_of(pairs, [pair.worst_case(is_against=False) for pair in pairs])
    holding = []
    for pair, outcome, *bounds in zip(
        pairs, outcomes, against_treatment, against_control, strict=True
    ):
        asked = {"supported": bounds[:1], "refuted": bounds[1:]}.get(outcome, [])
        if asked and pair.claim.test == "equivalence":
            asked = bounds
        holding.append(all(bound == outcome for bound in asked))
    return holding
