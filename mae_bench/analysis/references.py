"""Published numbers beside those measured here.

No corpus of a paper is at hand, so what is compared is the sign and the size of an effect. The
verdict says whether rows show a difference in the published direction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from mae_bench.analysis.claims import NO_SCORES, Verdict, judge_family
from mae_bench.analysis.scores import Scores
from mae_bench.analysis.tables import Table, interval, p_text, points
from mae_bench.specs import LETTERS, Claim, Reference, Study


def judge_references(
    study: Study, scores: Scores, others: Mapping[str, Scores] = NO_SCORES
) -> list[Verdict]:
    """Return, for each reference, whether its direction is seen here; they are one family."""
    claims = [_directed(reference) for reference in study.references]
    found = judge_family(claims, "published differences", study, scores, others)
    return [
        _turned(verdict) if _is_down(reference) else verdict
        for reference, verdict in zip(study.references, found, strict=True)
    ]


def reference_table(study: Study, verdicts: Sequence[Verdict]) -> Table:
    """Return published and measured differences, treatment minus control, side by side."""
    records = []
    for reference, verdict in zip(study.references, verdicts, strict=True):
        side = reference.comparison
        where = [side.protocol, side.task, side.metric]
        records.append(
            {
                "published": reference.text,
                "difference there": "not stated"
                if reference.value is None
                else points(reference.value),
                "known by": reference.letter,
                "measured here": f"{side.treatment} minus {side.control}",
                "on": ", ".join(str(part) for part in where if part) or "mean of tasks",
                "difference": points(verdict.difference),
                "95% interval": interval(verdict.low, verdict.high),
                "same direction": verdict.outcome,
                "seeds": f"{verdict.n} of {verdict.num_seeds}",
                "p family-wise": p_text(verdict.p_family),
                "source": reference.source,
            }
        )
    used = sorted({reference.letter for reference in study.references})
    known = "; ".join(f"{letter}: {LETTERS[letter]}" for letter in used)
    caption = (
        "Differences in points, treatment minus control. Text, size and length of training differ "
        "from the papers', so compare signs and sizes of effects, never scores. 'refuted' means "
        f"that the opposite was shown. Known by: {known}."
    )
    return Table("references", caption, pd.DataFrame(records))


def _is_down(reference: Reference) -> bool:
    return reference.value is not None and reference.value < 0


def _directed(reference: Reference) -> Claim:
    """Return the claim that the published direction is seen here."""
    side = reference.comparison.model_dump()
    if _is_down(reference):
        side["treatment"], side["control"] = side["control"], side["treatment"]
    return Claim(sentence=reference.text, **side)


def _turned(verdict: Verdict) -> Verdict:
    """Return a verdict with its numbers the other way around, as treatment minus control."""
    return replace(
        verdict,
        difference=-verdict.difference,
        low=-verdict.high,
        high=-verdict.low,
        iqm=-verdict.iqm,
        iqm_low=-verdict.iqm_high,
        iqm_high=-verdict.iqm_low,
    )
