"""Decides a family of claims: adjusts their tests together, and fills in their verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mae_bench.analysis.messages import message
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.outcomes import Tested, holding_of
from mae_bench.analysis.pairs import Pairs
from mae_bench.analysis.power import detectable_effect, detectable_log_ratio, seeds_needed
from mae_bench.analysis.questions import Asked, Part
from mae_bench.analysis.stats import interquartile_mean, iqm_interval, mean_intervals
from mae_bench.analysis.verdicts import Outcome, Verdict
from mae_bench.analysis.why import worded
from mae_bench.specs import MIN_SEEDS, NO_POINT, Study

_NAN = float("nan")


def judge(questions: Sequence[Pairs | Asked], family: str, study: Study) -> list[Verdict]:
    """Return verdicts, adjusted over those claims of the family that can be decided at all.

    A claim with fewer than six pairs is left out of the adjustment, for it can never be
    decided; which claims these are depends on n alone, not on the outcome.
    """
    if not questions:
        return []
    ready = [question for question in questions if is_ready(question)]
    findings = _findings(ready)
    holds = holding_of(ready, [finding.outcome for finding in findings])
    decided = iter(zip(findings, holds, strict=True))
    intervals = iter(_intervals([asked for asked in questions if isinstance(asked, Pairs)]))
    verdicts = []
    for question in questions:
        if isinstance(question, Pairs):
            verdict = _described(question, family, *next(intervals))
        elif question.decided is None:
            verdict = question.verdict
        else:
            verdict = replace(question.verdict, outcome=question.decided, is_exact=True)
        verdicts.append(_decided(verdict, *next(decided)) if is_ready(question) else verdict)
    explained = [worded(verdict, study) for verdict in verdicts]
    return [v.turned() if v.is_gain and v.measure.sign < 0 else v for v in explained]


def is_ready(question: Pairs | Asked) -> bool:
    """Whether a claim is tested: it has seeds enough, and is no mere arithmetic."""
    is_exact = isinstance(question, Asked) and question.decided is not None
    return question.n >= MIN_SEEDS and not is_exact


@dataclass(frozen=True)
class _Finding:
    """The results of a family's test for one claim: see `Verdict`."""

    outcome: Outcome
    p: float
    p_family: float
    q: float
    num_tests: int
    better: float
    equal_within: float
    detectable: float
    seeds_needed: int | None
    refuting: tuple[Part, ...]


def _findings(questions: Sequence[Pairs | Asked]) -> list[_Finding]:
    """Return the test results of these claims, adjusted as one family."""
    if not questions:
        return []
    tested = Tested.of(questions)
    test = tested.test
    better, spread = test.better, test.spread
    # it takes long, and is told of differences alone
    within = test.within if any(isinstance(q, Pairs) for q in questions) else better
    findings = []
    for number, (outcome, index, refuting) in enumerate(tested.outcomes()):
        question, column = questions[number], tested.first[number]
        is_pair = isinstance(question, Pairs)
        low, high = tested.ends[:, column]
        findings.append(
            _Finding(
                outcome,
                float(test.p[index]),
                float(test.p_family[index]),
                float(test.q[index]),
                len(test.p),
                float(better[column]) if is_pair else _NAN,
                float(max(abs(tested.means[column]) + within[column], abs(low), abs(high)))
                if is_pair
                else _NAN,
                _detectable(question, spread[column:], len(test.p)),
                _seeds_needed(question, tested, number, spread)
                if outcome == "not decidable" and question.setting is None
                else None,
                refuting,
            )
        )
    return findings


def _detectable(question: Pairs | Asked, spread: Array, num_tests: int) -> float:
    """Return the smallest number that is found with 80% power, of the column that varies most."""
    if question.own("seen") is not None:
        return float(np.exp(detectable_log_ratio(question.n, num_tests)))
    widest = max(spread[part.column] for part in question.needed)
    effect = float(detectable_effect(question.n, num_tests) * widest)
    return float(np.exp(effect)) if isinstance(question, Asked) and question.is_log else effect


def _seeds_needed(
    question: Pairs | Asked, tested: Tested, number: int, spread: Array
) -> int | None:
    """Return how many seeds would show all that is needed, or anything against it, as it lies."""
    num_tests, first = len(tested.test.p), tested.first[number]

    def seeds(part: Part) -> int | None:
        distance = float(tested.means[first + part.column] - part.value)
        distance = distance if part.is_above else -distance
        if question.own("seen") is not None:
            return seeds_needed(distance, num_tests, detectable_log_ratio)
        width = float(spread[first + part.column])
        return seeds_needed(distance / width, num_tests, detectable_effect) if width else None

    needed = [seeds(part) for part in question.needed]
    against = [count for part in question.against if (count := seeds(part))]
    shown = [count for count in needed if count]
    ways = [*([max(shown)] if len(shown) == len(needed) else []), *against]
    return min(ways) if ways else None


def _intervals(pairs: Sequence[Pairs]) -> list[tuple[float, float]]:
    """Return the ends of the 95% interval of each claim, of all at once: there may be thousands."""
    if not pairs:
        return []
    low, high = mean_intervals(np.stack([pair.per_seed for pair in pairs], axis=1))
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _described(pair: Pairs, family: str, low: float, high: float) -> Verdict:
    """Return a verdict with its numbers, not yet decided."""
    kept = pair.differences[np.isfinite(pair.per_seed)]
    means = kept.mean(axis=1)
    # Comparisons, of which there may be thousands, go without this interval.
    iqm_low, iqm_high = (_NAN, _NAN) if pair.setting else iqm_interval(kept)
    return Verdict(
        claim=pair.claim,
        family=family,
        outcome="not decidable" if pair.n else "not run",
        reason="",
        n=pair.n,
        num_seeds=len(pair.differences),
        num_conditions=pair.differences.shape[1],
        difference=float(means.mean()) if pair.n else _NAN,
        low=low,
        high=high,
        median=float(np.median(means)) if pair.n else _NAN,
        iqm=interquartile_mean(kept) if pair.n else _NAN,
        iqm_low=iqm_low,
        iqm_high=iqm_high,
        sd=float(means.std(ddof=1)) if pair.n > 1 else _NAN,
        losses=pair.losses,
        corpus_tokens=pair.setting.corpus_tokens if pair.setting else None,
        pretrain_ratio=pair.setting.pretrain_ratio if pair.setting else None,
        point=pair.setting.point if pair.setting else NO_POINT,
        measure=pair.measure,
    )


def _decided(verdict: Verdict, finding: _Finding, holds: bool) -> Verdict:
    """Return the verdict with the results of its family's test."""
    return replace(
        verdict,
        outcome=finding.outcome if holds else "not decidable",
        is_failure_bound=not holds,
        p=finding.p,
        p_family=finding.p_family,
        q=finding.q,
        num_tests=finding.num_tests,
        better=finding.better,
        equal_within=finding.equal_within,
        detectable=finding.detectable,
        seeds_needed=finding.seeds_needed,
        detail=_against(finding.refuting) + verdict.detail,
    )


def _against(refuting: Sequence[Part]) -> str:
    """Return what refutes a claim that several findings can refute."""
    shown = message("list.comma").join(part.what for part in refuting if part.what)
    return message("claim.shown_against", what=shown) if shown else ""
