"""Claims that a number rises or falls along an axis: a trend, and no step against it.

The trend is Page's ordered contrast (1963, doi:10.1080/01621459.1963.10500843) of the numbers
themselves: the slope of a least-squares line over the places' order, within each seed. It is told
as what that line rises from the first place to the last.
"""

from dataclasses import replace

import numpy as np

from mae_bench.analysis.along import Along, Gap, read_along
from mae_bench.analysis.blank_verdict import blank, places_text
from mae_bench.analysis.messages import message
from mae_bench.analysis.questions import Asked, Part
from mae_bench.analysis.scores import Scores
from mae_bench.analysis.units import amount
from mae_bench.specs import Claim


def ask_monotone(claim: Claim, family: str, scores: Scores) -> Asked:
    """Return what a monotone claim puts before its family: the trend, and every step.

    The trend must be shown to support it. That it goes the other way, or any step does, refutes it.
    """
    along = read_along(claim, scores)
    trend = _trend(along)
    steps = [along.gap(later, later - 1) for later in range(1, len(along.labels))]
    parts = [trend, *steps]
    names = zip(along.labels, along.labels[1:], strict=False)
    against = [
        Part(number, 0.0, False, message("claim.from_to", first=earlier, last=later))
        for number, (earlier, later) in enumerate(names, 1)
    ]
    verdict = blank(claim, family, along, along.sign * trend.seen)
    is_turned = verdict.difference * along.sign < 0
    rises = (claim.direction == "rises") != bool(verdict.n and is_turned)
    detail = ""
    if verdict.n:
        size = amount(verdict.measure, abs(verdict.difference))
        key = "claim.rises" if rises else "claim.falls"
        detail = message(key, amount=size, places=places_text(along))
    return Asked(
        claim,
        replace(verdict, detail=along.trouble or detail),
        (Part(0, 0.0, True),),
        (Part(0, 0.0, False, message("claim.over_the_whole")), *against),
        along.losses,
        along.measure,
        np.stack([part.seen for part in parts], axis=1),
        np.stack([part.low for part in parts], axis=1),
        np.stack([part.high for part in parts], axis=1),
    )


def _trend(along: Along) -> Gap:
    """Return what the line over the places' order rises, as a weighted sum of all their gaps."""
    num = len(along.labels)
    order = np.arange(num) - (num - 1) / 2
    weight = (num - 1) / (2 * float((order**2).sum())) if num > 1 else 1.0
    pairs = [along.gap(j, i) for j in range(num) for i in range(j)]
    if not pairs:
        nothing = np.full(len(along.scores.seeds), np.nan)
        return Gap(nothing, nothing, nothing)
    return Gap(
        weight * np.sum([gap.seen for gap in pairs], axis=0),
        weight * np.sum([gap.low for gap in pairs], axis=0),
        weight * np.sum([gap.high for gap in pairs], axis=0),
    )
