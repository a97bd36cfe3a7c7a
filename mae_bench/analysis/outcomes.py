"""Outcomes of a family of claims: where its test and the intervals agree, and what lost runs leave.

These alone are quick. The numbers of a verdict beside them take far longer: see `claims`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mae_bench.analysis.moderated import Array
from mae_bench.analysis.questions import Bound, Part, Question, values_by_column
from mae_bench.analysis.stats import CUT, FamilyTest, family_test, mean_intervals
from mae_bench.analysis.verdicts import Outcome


class Shown(NamedTuple):
    """The outcome of one claim, the test that it rests on, and the parts that refute it."""

    outcome: Outcome
    test: int
    refuting: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Tested:
    """A family's tests beside what must agree with them.

    Attributes:
        questions: the claims.
        first: [Q] the first column of each claim among all.
        means: [K] of all columns, then the estimates of other tests.
        ends: [2, K] of their intervals.
        estimate: [T] which of these each test is of.
        value: [T] what it is tested against.
    """

    questions: Sequence[Question]
    test: FamilyTest
    first: Sequence[int]
    means: Array
    ends: Array
    estimate: NDArray[np.int64]
    value: Array

    @classmethod
    def of(cls, questions: Sequence[Question], bound: Bound = "seen") -> "Tested":
        """Return the tests of these claims, adjusted as one family."""
        values = np.concatenate([question.columns(bound) for question in questions], axis=1)
        margins = [found for question in questions for found in values_by_column(question)]
        owns = [question.own(bound) for question in questions]
        others = [own for own in owns if own is not None]
        num_columns = values.shape[1]
        units = [q.unit for q in questions for _ in range(q.columns(bound).shape[1])]
        test = family_test(values, margins, np.array([own.p for own in others]), units)
        first, columns, before = [], 0, 0
        for question, own in zip(questions, owns, strict=True):
            first.append(columns if own is None else num_columns + before)
            columns += question.columns(bound).shape[1]
            before += own is not None
        ends = np.stack(mean_intervals(values))
        own_ends = np.array([[own.low for own in others], [own.high for own in others]])
        own_means = np.array([own.estimate for own in others])
        return cls(
            questions,
            test,
            first,
            np.append(np.nanmean(values, axis=0), own_means),
            np.concatenate([ends, own_ends], axis=1),
            np.append(test.column, num_columns + np.arange(len(others))).astype(np.int64),
            np.append(test.margin, np.zeros(len(others))),
        )

    def outcomes(self) -> list[Shown]:
        """Return the outcome of each claim, and which test shows it."""
        means, (lows, highs) = self.means[self.estimate], self.ends[:, self.estimate]
        margins, p_family = self.value, self.test.p_family
        is_significant = p_family < CUT
        is_clear_above = (means > margins) & (lows > margins)
        is_clear_below = (means < margins) & (highs < margins)
        numbers = zip(self.estimate.tolist(), margins.tolist(), strict=True)
        number_of = {of: number for number, of in enumerate(numbers)}

        def is_clear(number: int, part: Part) -> bool:
            """Whether the interval alone lies there."""
            return bool((is_clear_above if part.is_above else is_clear_below)[number])

        def is_shown(number: int, part: Part) -> bool:
            return bool(is_significant[number]) and is_clear(number, part)

        outcomes = []
        for question, first in zip(self.questions, self.first, strict=True):
            needed = [(number_of[first + p.column, p.value], p) for p in question.needed]
            against = [(number_of[first + p.column, p.value], p) for p in question.against]
            refuting = tuple(part for number, part in against if is_shown(number, part))
            # what is against a claim need not be shown to leave it unsupported
            is_supported = all(is_shown(number, part) for number, part in needed) and not any(
                is_clear(number, part) for number, part in against
            )
            # the p that the outcome rests on: the surest that refutes, else the least sure needed
            tests = sorted({number for number, _ in (against if refuting else needed)})
            rests = min if refuting else max
            index = rests(tests, key=lambda number: float(p_family[number]))
            outcome: Outcome = "supported" if is_supported else "not decidable"
            outcomes.append(Shown("refuted" if refuting else outcome, index, refuting))
        return outcomes


def outcomes_of(questions: Sequence[Question], bound: Bound = "seen") -> list[Outcome]:
    """Return the outcomes alone of these claims."""
    return [s.outcome for s in Tested.of(questions, bound).outcomes()] if questions else []


def holding_of(questions: Sequence[Question], outcomes: Sequence[Outcome]) -> list[bool]:
    """Return which outcomes hold when unequal failures count against the side that won."""
    if all(question.losses.are_equal for question in questions):
        return [True] * len(questions)
    at_low, at_high = outcomes_of(questions, "low"), outcomes_of(questions, "high")
    holding = []
    for question, outcome, *bounds in zip(questions, outcomes, at_low, at_high, strict=True):
        decided = {"supported": question.needed, "refuted": question.against}
        sides = {part.is_above for part in decided.get(outcome, ())}
        asked = [bound for bound, side in zip(bounds, (True, False), strict=True) if side in sides]
        holding.append(all(bound == outcome for bound in asked))
    return holding
