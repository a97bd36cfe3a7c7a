"""The sentence that explains a verdict: what the interval says, the test, and what was in reach."""

from dataclasses import replace

import numpy as np

from mae_bench.analysis.messages import counted, message, word
from mae_bench.analysis.units import amount
from mae_bench.analysis.verdicts import FAILURE_BOUND, Verdict, probability_text
from mae_bench.specs import MIN_SEEDS, Study

_ALONG = ("monotone", "crossing", "ratio", "spread")  # tests with words of their own
_LEAST_P = 0.001  # that is written out: smaller ones say more of the model than of the runs
_FAMILIES = ("claims", "published")  # the first words of their names


def worded(verdict: Verdict, study: Study) -> Verdict:
    """Return the verdict with its reason; differences of it are gains still."""
    parts = [_why(verdict), verdict.detail]
    if np.isfinite(verdict.better):
        parts.append(_likelier(verdict))
    if verdict.outcome == "not decidable" and np.isfinite(verdict.equal_within):
        parts.append(message("why.equal", amount=amount(verdict.measure, verdict.equal_within)))
    parts.append(verdict.losses.sentence(*verdict.claim.sides))
    if study.repeats == "finetuning":
        parts.append(message("why.finetuning_only"))
    reason = message("list.semicolon").join(part for part in parts if part)
    return replace(verdict, reason=reason)


def _likelier(verdict: Verdict) -> str:
    """Return which side is likelier to be the better one, and how likely."""
    arm, other = verdict.claim.sides
    probability = verdict.better
    if probability < 0.5:
        arm, probability = other, 1 - probability
    key = "why.more" if verdict.measure.better == "neither" else "why.better"
    return message(key, arm=arm, probability=probability_text(probability))


def _why(verdict: Verdict) -> str:
    """Return the reason of the outcome: its p, or what is missing for a decision."""
    n = verdict.n
    seeds = counted("seeds", n)
    test, outcome = verdict.claim.test, word("word", verdict.outcome)
    if verdict.is_exact:
        return message("why.exact", outcome=outcome)
    if verdict.outcome == "not run":
        is_named = test in ("monotone", "crossing", "ratio")
        return message(f"why.not_run_{test}" if is_named else "why.not_run")
    if n < MIN_SEEDS:
        return message("why.few_seeds", seeds=seeds, least=MIN_SEEDS)
    p = _p(verdict)
    if verdict.is_failure_bound:
        return message("why.failure_bound", outcome=word("word", FAILURE_BOUND), seeds=seeds, p=p)
    if verdict.outcome != "not decidable":
        return message("why.decided", outcome=outcome, seeds=seeds, p=p)
    kind = "margin" if verdict.claim.margin else "difference"
    kind = test if test in _ALONG else kind
    size = amount(verdict.measure, verdict.detectable)
    parts = [
        message("why.open", outcome=outcome, seeds=seeds, reason=_reason(verdict), p=p),
        message(f"why.detectable_{kind}", amount=size, seeds=seeds),
    ]
    if verdict.seeds_needed:
        parts.append(message("why.seeds_needed", seeds=f"{verdict.seeds_needed:,}"))
    return message("list.semicolon").join(parts)


def _p(verdict: Verdict) -> str:
    """Return the p with its test and what it is adjusted for: one difference may have several."""
    family = verdict.family.partition(" ")[0]
    family = family if family in _FAMILIES else "comparisons"
    return message(
        "why.p",
        p="< 0.001" if verdict.p_family < _LEAST_P else f"= {verdict.p_family:.2g}",
        test=word("word", verdict.claim.test.replace("_", "-")),
        family=message(f"why.family_{family}", n=verdict.num_tests),
    )


def _reason(verdict: Verdict) -> str:
    """Return what the interval, of gains, leaves open."""
    claim, measure = verdict.claim, verdict.measure
    low, high, margin = verdict.low, verdict.high, claim.margin
    if claim.test in _ALONG:
        return message("why.open_along")

    def end(value: float) -> str:
        return measure.number(measure.sign * value, is_signed=True)

    within = amount(measure, margin)
    if claim.test == "superiority":
        if low > margin or high < (margin and -margin):
            return message("why.open_p")
        return message("why.open_margin", margin=within) if margin else message("why.open_zero")
    is_low, is_high = low <= -margin, claim.test == "equivalence" and high >= margin
    if not is_low and not is_high:
        return message("why.open_p")
    if measure.better != "neither" and (low > 0 or high < 0):
        worse = claim.sides[0 if high < 0 else 1]
        return message("why.open_worse", arm=worse, margin=within)
    if is_low and is_high:
        return message("why.open_both", low=end(low), high=end(high), margin=within)
    return message("why.open_end", end=end(low if is_low else high), margin=within)
