"""A verdict: what rows say about one claim, in numbers and in a sentence."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, get_args

import numpy as np

from mae_bench.analysis.failures import NO_LOSSES, Losses
from mae_bench.analysis.messages import message, word
from mae_bench.measures import PLAIN, Measure
from mae_bench.specs import NO_POINT, Claim, Point, Written

Outcome = Literal["supported", "refuted", "not decidable", "not run"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
FAILURE_BOUND = "not decidable (runs failed)"
_NAN = float("nan")
_SIGNED = ("difference", "median", "iqm")  # numbers of a verdict that change sides with its arms,
_QUANTITIES = {
    "monotone": "change",
    "crossing": "change",
    "ratio": "ratio",
    "spread": "ratio",
}
_ENDS = (("low", "high"), ("iqm_low", "iqm_high"))  # and intervals that do


class Place(NamedTuple):
    """What is seen at one value of an axis, as rows hold it: a mean with its 95% interval."""

    label: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Verdict:
    """What the rows say about one claim. Numbers are in the units of the metric.

    Differences are treatment minus control as measured; where lower is better, a gain is below 0.
    In their place stand, of a claim along an axis, the rise from its first to its last value (of a
    crossing between its two), and of ``ratio`` and ``spread`` the ratio of treatment to control.

    Attributes:
        measure: how the metric is read.
        family: the claims that were adjusted together.
        n: seeds with every pair of the claim.
        num_seeds: seeds of the study.
        num_conditions: tasks x settings that the claim is averaged over.
        low: lower end of the 95% t interval of the difference, from its own spread.
        high: its upper end.
        median: over seeds.
        iqm: interquartile mean over seeds and conditions; its interval for written claims only.
        sd: standard deviation over seeds.
        p: two-sided moderated-t p of the claim alone, against its margin.
        p_family: the same, family-wise (Holm); this one decides.
        q: the false discovery rate of all tests with a p at most this one (Benjamini and Hochberg).
        num_tests: tests that were adjusted together.
        better: posterior probability that the treatment is better, with a flat prior on the mean.
        equal_within: the smallest margin at which an equivalence would be supported.
        detectable: smallest difference that this family's test finds with 80% power at this n,
            for the spread that the test used.
        losses: failed and collapsed runs of each side; collapsed ones stay in the numbers.
        is_failure_bound: whether a decision was withdrawn because lost runs may have caused it.
        detail: what else a reader must know, in words.
        places: the numbers along an axis.
        seeds_needed: about how many seeds would decide it with 80% power if means and spreads stay
            as seen; None where it is decided, or where no number of up to 1,000 would do.
        is_exact: whether it is arithmetic, and no test was needed.
        written: whether the claim was there before any row; None of comparisons that no one wrote.
    """

    claim: Claim
    family: str
    outcome: Outcome
    reason: str
    n: int
    num_seeds: int
    num_conditions: int
    difference: float = _NAN
    low: float = _NAN
    high: float = _NAN
    median: float = _NAN
    iqm: float = _NAN
    iqm_low: float = _NAN
    iqm_high: float = _NAN
    sd: float = _NAN
    p: float = _NAN
    p_family: float = _NAN
    q: float = _NAN
    num_tests: int = 0
    better: float = _NAN
    equal_within: float = _NAN
    detectable: float = _NAN
    losses: Losses = NO_LOSSES
    is_failure_bound: bool = False
    corpus_tokens: int | None = None
    pretrain_ratio: float | None = None
    point: Point = NO_POINT
    measure: Measure = PLAIN
    detail: str = ""
    places: tuple[Place, ...] = ()
    seeds_needed: int | None = None
    is_exact: bool = False
    written: Written | None = None

    @property
    def is_ratio(self) -> bool:
        """Whether its numbers are ratios, and no differences."""
        return self.claim.test in ("ratio", "spread")

    @property
    def quantity(self) -> str:
        """What its numbers are, in a word."""
        return word("quantity", _QUANTITIES.get(self.claim.test, "difference"))

    @property
    def is_gain(self) -> bool:
        """Whether its numbers come as gains, of two arms in the same places."""
        return self.claim.test in ("superiority", "non_inferiority", "equivalence")

    def text(self, value: float) -> str:
        """Return a number of it as tables print it: a difference with its sign."""
        return self.measure.number(value, is_signed=not self.is_ratio)

    def interval_text(self, low: float, high: float) -> str:
        """Return ``[low, high]``."""
        if not np.isfinite(low):
            return message("cell.no_interval")
        return f"[{self.text(low)}, {self.text(high)}]"

    @property
    def setting(self) -> tuple[object, ...]:
        """All that names the setting of a comparison in one."""
        claim = self.claim
        axes = (self.corpus_tokens, self.pretrain_ratio, self.point)
        return (claim.protocol, claim.train_size, claim.noise, *axes)

    @property
    def num_failed(self) -> int:
        """Failed runs of both sides."""
        return self.losses.num_failed

    @property
    def num_collapsed(self) -> int:
        """Collapsed runs of both sides."""
        return self.losses.num_collapsed

    @property
    def word(self) -> str:
        """The outcome as tables print it."""
        notes = [*(["runs failed"] if self.is_failure_bound else [])]
        notes += ["post hoc"] if self.written == "post hoc" else []
        return f"{self.outcome} ({', '.join(notes)})" if notes else self.outcome

    def turned(self) -> "Verdict":
        """Return the verdict with its differences the other way around."""
        signed = {name: -getattr(self, name) for name in _SIGNED}
        ends = {name: -getattr(self, other) for pair in _ENDS for name, other in (pair, pair[::-1])}
        return replace(self, **signed, **ends)

    def as_json(self) -> dict[str, object]:
        """Return plain content, None for what is not a number."""
        content = {name: getattr(self, name) for name in self.__dataclass_fields__}
        content["claim"] = self.claim.model_dump(mode="json")
        content["measure"] = dict(vars(self.measure))
        content["losses"] = dict(vars(self.losses))
        content["point"] = dict(self.point)
        content["places"] = [
            {n: v if isinstance(v, str) or np.isfinite(v) else None for n, v in p._asdict().items()}
            for p in self.places
        ]
        return {
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in content.items()
        }


def probability_text(probability: float) -> str:
    """Return a probability with two digits, and never a certainty."""
    if not np.isfinite(probability):
        return message("cell.none")
    if probability > 0.995:
        return ">.99"
    return "<.01" if probability < 0.005 else f"{probability:.2f}".removeprefix("0")


def detectable_range(verdicts: Iterable[Verdict]) -> tuple[Measure, float, float] | None:
    """Return how the smallest detectable differences are read, the least and the largest of them.

    None where the comparisons have several units, or none of them can be told.
    """
    verdicts = list(verdicts)
    measures = {verdict.measure for verdict in verdicts}
    sizes = [verdict.detectable for verdict in verdicts if np.isfinite(verdict.detectable)]
    if len(measures) != 1 or not sizes:
        return None
    return measures.pop(), min(sizes), max(sizes)


def tally(verdicts: Iterable[Verdict]) -> dict[Outcome, int]:
    """Return how many verdicts have each outcome."""
    counts: dict[Outcome, int] = dict.fromkeys(OUTCOMES, 0)
    for verdict in verdicts:
        counts[verdict.outcome] += 1
    return counts
