"""What a claim puts before the test of its family: columns over seeds, and what each must show."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np

from mae_bench.analysis.failures import Losses
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.verdicts import Outcome, Verdict
from mae_bench.measures import Measure
from mae_bench.specs import Claim

LOG = "logs of ratios"  # as a unit
Bound = Literal["seen", "low", "high"]  # lost runs as they fell, or held against what is above


class Part(NamedTuple):
    """One thing to be shown: that the mean of a column lies beyond a value, on one side.

    Attributes:
        what: where that is, for sentences.
    """

    column: int
    value: float
    is_above: bool
    what: str = ""

    @property
    def opposite(self) -> "Part":
        """The same on the other side."""
        return self._replace(is_above=not self.is_above)


class Own(NamedTuple):
    """The result of a test that is none of a mean, adjusted with those of the family.

    Attributes:
        estimate: beside 0, as the mean of a column is beside its value.
        low: lower end of its 95% interval.
        high: its upper end.
        p: two-sided.
    """

    estimate: float
    low: float
    high: float
    p: float


class Question(Protocol):
    """A claim with its numbers. It is refuted where anything in ``against`` is shown."""

    @property
    def claim(self) -> Claim:
        """The claim."""

    @property
    def losses(self) -> Losses:
        """Failed and collapsed runs of its sides."""

    @property
    def measure(self) -> Measure:
        """How its numbers are read."""

    @property
    def unit(self) -> str:
        """What its columns are counted in."""

    @property
    def n(self) -> int:
        """Seeds with every number that it needs."""

    @property
    def needed(self) -> tuple[Part, ...]:
        """All that must be shown to support it."""

    @property
    def against(self) -> tuple[Part, ...]:
        """Each of which refutes it."""

    def columns(self, bound: Bound) -> Array:
        """Return [S, C] numbers, NaN where a seed lacks one; C is 0 with a test of its own."""

    def own(self, bound: Bound) -> Own | None:
        """Return the result of its own test; None where means of columns are tested."""


@dataclass(frozen=True)
class Asked:
    """A claim of a kind of its own, with the verdict that describes its numbers.

    Attributes:
        seen: [S, C] columns, complete seeds only, NaN elsewhere.
        low: [S, C] with lost runs held against what lies above.
        high: [S, C] with lost runs held against what lies below.
        result: of a test of its own.
        decided: where nothing is left to a test.
        is_log: whether columns are logs of ratios, as which a verdict tells them.
    """

    claim: Claim
    verdict: Verdict
    needed: tuple[Part, ...]
    against: tuple[Part, ...]
    losses: Losses
    measure: Measure
    seen: Array
    low: Array
    high: Array
    result: Own | None = None
    decided: Outcome | None = None
    is_log: bool = False

    @property
    def n(self) -> int:
        """Seeds with every number that it needs."""
        return self.verdict.n

    @property
    def unit(self) -> str:
        """What its columns are counted in."""
        return LOG if self.is_log else self.measure.unit

    @property
    def setting(self) -> None:
        """The one setting of a comparison; a written claim has none."""

    def columns(self, bound: Bound) -> Array:
        """Return [S, C] numbers; where nothing was lost on one side alone, those seen."""
        if bound == "seen" or self.losses.are_equal:
            return self.seen
        return self.low if bound == "low" else self.high

    def own(self, bound: Bound) -> Own | None:
        """Return the result of its own test, which shows nothing where one side lost more runs."""
        if self.result is None or bound == "seen" or self.losses.are_equal:
            return self.result
        return self.result._replace(p=1.0)


def values_by_column(question: Question) -> list[tuple[float, ...]]:
    """Return, for each column, the values of its mean that are tested."""
    parts = (*question.needed, *question.against)
    columns = question.columns("seen").shape[1]
    return [
        tuple(dict.fromkeys(part.value for part in parts if part.column == column))
        for column in range(columns)
    ]


def per_seed(columns: Array) -> Array:
    """Return [n, C] of the seeds that have them all."""
    return columns[np.isfinite(columns).all(axis=1)]
