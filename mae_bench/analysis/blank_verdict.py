"""A verdict that is not yet decided, with the numbers of a claim along an axis or of a ratio."""

from dataclasses import replace
from typing import Any

import numpy as np

from mae_bench.analysis.along import Along
from mae_bench.analysis.messages import message
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.stats import interquartile_mean, iqm_interval, mean_intervals
from mae_bench.analysis.verdicts import Verdict
from mae_bench.measures import Measure
from mae_bench.specs import Claim

TIMES = Measure("neither", "times", 2)  # of ratios


def blank(claim: Claim, family: str, along: Along, column: Array) -> Verdict:
    """Return the verdict of a claim along an axis, whose number of each seed is [S] ``column``."""
    kept = column[np.isfinite(column)]
    verdict = Verdict(
        claim=claim,
        family=family,
        outcome="not decidable" if len(kept) and not along.trouble else "not run",
        reason="",
        n=0 if along.trouble else len(kept),
        num_seeds=len(column),
        num_conditions=max(map(len, along.conditions), default=0),
        losses=along.losses,
        measure=along.measure,
        places=along.places,
    )
    return _with_numbers(verdict, kept)


def ratio_blank(
    claim: Claim, family: str, logs: Array, num_conditions: int, shift: float = 0.0
) -> Verdict:
    """Return the verdict of a ratio, of [S] logs less ``shift``; its numbers are ratios."""
    kept = logs[np.isfinite(logs)]
    verdict = Verdict(
        claim=claim,
        family=family,
        outcome="not decidable" if len(kept) else "not run",
        reason="",
        n=len(kept),
        num_seeds=len(logs),
        num_conditions=num_conditions,
        measure=TIMES,
    )
    return _with_numbers(verdict, kept + shift, is_log=True)


def places_text(along: Along) -> str:
    """Return what is seen at each place, with its interval."""
    measure = along.measure
    return message("list.comma").join(
        message(
            "claim.at_place",
            number=f"{measure.number(p.mean)} [{measure.number(p.low)}, {measure.number(p.high)}]",
            label=p.label,
        )
        for p in along.places
    )


def _with_numbers(verdict: Verdict, kept: Array, *, is_log: bool = False) -> Verdict:
    """Return the verdict with means and intervals of [n] numbers, one of each seed."""
    if not len(kept):
        return verdict
    low, high = mean_intervals(kept[:, None])
    iqm_low, iqm_high = iqm_interval(kept[:, None])

    def told(number: float | np.floating[Any]) -> float:
        return float(np.exp(number)) if is_log else float(number)

    return replace(
        verdict,
        difference=told(kept.mean()),
        low=told(low[0]),
        high=told(high[0]),
        median=told(np.median(kept)),
        iqm=told(interquartile_mean(kept)),
        iqm_low=told(iqm_low),
        iqm_high=told(iqm_high),
        sd=float(kept.std(ddof=1)) if len(kept) > 1 else float("nan"),
    )
