"""Published numbers beside those measured here.

The corpora of the papers are not available, so the sign and the size of an effect are compared. The
verdict is on whether rows show a difference in the published direction.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from mae_bench.analysis.claims import NO_SCORES, Verdict, judge_family, measure_in
from mae_bench.analysis.messages import message, word
from mae_bench.analysis.scores import Scores
from mae_bench.analysis.tables import Table, difference, interval, p_text
from mae_bench.specs import LETTERS, Claim, Reference, Study
from mae_bench.specs.claims import named_sides

_MEASURED = ("measured here", "on", "difference", "95% interval", "seeds", "p family-wise")
_DIRECTIONS = {"supported": "yes", "refuted": "no", "not decidable": "unclear"}


def judge_references(
    study: Study, scores: Scores, others: Mapping[str, Scores] = NO_SCORES
) -> list[Verdict]:
    """Return, for each reference, whether its direction is seen here; they are one family."""
    claims = [_claim(reference) for reference in study.references]
    is_loss = [
        (reference.value or 0.0) * measure_in(claim, scores, others).sign < 0
        for reference, claim in zip(study.references, claims, strict=True)
    ]
    claims = [_swapped(c) if is_down else c for c, is_down in zip(claims, is_loss, strict=True)]
    verdicts = judge_family(claims, "published differences", study, scores, others)
    return [
        verdict.turned() if is_down else verdict
        for verdict, is_down in zip(verdicts, is_loss, strict=True)
    ]


def reference_table(study: Study, verdicts: Sequence[Verdict]) -> Table:
    """Return published and measured differences, treatment minus control, side by side."""
    records: list[dict[str, str]] = []
    before = None
    for reference, verdict in zip(study.references, verdicts, strict=True):
        side = reference.comparison
        treatment, control = named_sides(side)
        where = [side.protocol, side.task, side.metric]
        measure = verdict.measure
        records.append(
            {
                "published": reference.text,
                "difference there": message("cell.not_stated")
                if reference.value is None
                else difference(reference.value, measure),
                "known by": word("letter", LETTERS[reference.letter]),
                "measured here": message("references.minus", treatment=treatment, control=control),
                "on": message("list.comma").join(str(part) for part in where if part)
                or word("column", "mean of tasks"),
                "difference": difference(verdict.difference, measure),
                "95% interval": interval(verdict.low, verdict.high, measure),
                "same direction": _same_direction(verdict),
                "seeds": message("cell.of", n=verdict.n, all=verdict.num_seeds),
                "p family-wise": p_text(verdict.p_family),
                "source": reference.source,
            }
        )
        if side == before:  # one measurement, several papers
            records[-1] |= dict.fromkeys(_MEASURED, message("cell.as_above"))
        before = side
    measures = dict.fromkeys(verdict.measure for verdict in verdicts)
    units = message("list.or").join(
        dict.fromkeys(word("unit", measure.unit) for measure in measures)
    )
    caption = message("references.caption", units=units)
    return Table("references", caption, pd.DataFrame(records))


def _same_direction(verdict: Verdict) -> str:
    """Return yes, no or unclear, or why there is no answer."""
    if verdict.is_failure_bound or verdict.outcome == "not run":
        return word("word", verdict.word)
    return word("word", _DIRECTIONS[verdict.outcome])


def _claim(reference: Reference) -> Claim:
    """Return the claim that the treatment is better, as where only a direction was published."""
    return Claim(sentence=reference.text, **reference.comparison.model_dump())


def _swapped(claim: Claim) -> Claim:
    """Return the claim that the control is better."""
    swapped: dict[str, str | None] = {"treatment": claim.control, "control": claim.treatment}
    if claim.control_protocol:
        swapped |= {"protocol": claim.control_protocol, "control_protocol": claim.protocol}
    return claim.model_copy(update=swapped)
