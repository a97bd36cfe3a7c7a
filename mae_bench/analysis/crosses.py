"""Claims that one arm passes another along an axis: behind at one value, ahead at a later one.

Both sides must be shown, each in the family, so that the claim as a whole is never surer than the
less sure of them (an intersection-union test: Berger 1982, doi:10.1080/00401706.1982.10487790).
"""

from dataclasses import replace

import numpy as np

from mae_bench.analysis.along import Along, read_along
from mae_bench.analysis.blank_verdict import blank, places_text
from mae_bench.analysis.crossing import crossing
from mae_bench.analysis.messages import message
from mae_bench.analysis.questions import Asked, Part, per_seed
from mae_bench.analysis.scores import Scores
from mae_bench.specs import Claim


def ask_crossing(claim: Claim, family: str, scores: Scores) -> Asked:
    """Return what a crossing puts before its family: the difference at both values."""
    along = read_along(claim, scores)
    ends = _ends(along)
    if ends is None:
        ends, along = (0, 0), replace(along, trouble=message("claim.no_values"))
    first, last = ends
    names = [along.labels[end] if along.labels else "" for end in ends]
    nothing = np.full((len(scores.seeds), 2), np.nan)
    seen, low, high = nothing, nothing, nothing
    if along.labels:
        seen = along.numbers[:, [first, last]]
        bounds = [along.lead(end) for end in ends]
        low, high = (np.stack(side, axis=1) for side in zip(*bounds, strict=True))
    verdict = blank(claim, family, along, along.sign * (seen[:, 1] - seen[:, 0]))
    detail = places_text(along) + _where(along, first, last) if verdict.n else ""
    needed = (
        Part(0, 0.0, False, message("claim.at", label=names[0])),
        Part(1, 0.0, True, message("claim.at", label=names[1])),
    )
    return Asked(
        claim,
        replace(verdict, detail=along.trouble or detail),
        needed,
        tuple(part.opposite for part in needed),
        along.losses,
        along.measure,
        seen,
        low,
        high,
    )


def _ends(along: Along) -> tuple[int, int] | None:
    """Return the places between which the sign changes; None where they were not run."""
    between = along.claim.between
    if between is None:
        return (0, len(along.labels) - 1) if len(along.labels) > 1 else None
    places = [along.place_of(value) for value in between]
    first, last = places
    return None if first is None or last is None else (first, last)


def _where(along: Along, first: int, last: int) -> str:
    """Return where the mean difference is 0, if it is so once; see `crossing`."""
    kept = per_seed(along.numbers)[:, first : last + 1]
    values = np.array(along.values[first : last + 1])
    is_log = bool(values[0] > 0)
    found = crossing(values if is_log else np.exp(values), kept, np.zeros_like(kept))
    if found.answer != "crosses":
        return ""
    ends = [found.size, found.low, found.high]
    size, low, high = ends if is_log else np.log(ends).tolist()
    near = f"{size:,.3g} [{low:,.3g}, {high:,.3g}]"
    return message("claim.zero_near", near=near)
