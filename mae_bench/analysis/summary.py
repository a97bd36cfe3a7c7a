"""The short answer: one sentence, and a word for each arm and task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from mae_bench.analysis.claims import (
    Outcome,
    Verdict,
    control_of,
    judge_claims,
    judge_comparisons,
)
from mae_bench.analysis.dates import dated
from mae_bench.analysis.headline import headline
from mae_bench.analysis.leads import compared_settings, verdicts_in
from mae_bench.analysis.rows import read_metrics, read_scores
from mae_bench.analysis.score_tables import score_text
from mae_bench.analysis.scores import COMPARED, Cell, Unread
from mae_bench.specs import Study, Written

Word = Literal["wins", "loses", "undecided", "control", "failed", "not run", "floor"]
_WORDS: dict[Outcome, Word] = {
    "supported": "wins",
    "refuted": "loses",
    "not decidable": "undecided",
    "not run": "not run",
}


@dataclass(frozen=True)
class SummaryCell:
    """One arm on one task in the reference setting.

    Attributes:
        text: the score as tables print it.
        word: the verdict against the control, or the role of the arm.
        score: the numbers behind it; None where nothing was run.
        verdict: the comparison with the control; None for the control and the floors.
    """

    text: str
    word: Word
    score: Cell | None
    verdict: Verdict | None


@dataclass(frozen=True)
class Summary:
    """The short answer at the top of a report and at the end of a run.

    Attributes:
        headline: one or two sentences.
        cells: by (arm, task).
        claims: verdicts of the claims that the study wrote down.
    """

    headline: str
    setting: str
    control: str | None
    arms: tuple[str, ...]
    tasks: tuple[str, ...]
    cells: Mapping[tuple[str, str], SummaryCell]
    claims: tuple[Verdict, ...]


def summary(
    rows: pd.DataFrame,
    study: Study,
    unread: Unread = frozenset(),
    written: Sequence[Written] = (),
) -> Summary:
    """Return the short answer of a study, in its reference setting."""
    scores = read_scores(rows, study, unread)
    control = control_of(study, scores)
    where = scores.reference
    verdicts = (
        judge_comparisons(study, scores, control, compared_settings(scores)) if control else []
    )
    others = read_metrics(rows, study, (), unread)
    claims = dated(judge_claims(study, scores, others, rows), written)
    here = verdicts_in(verdicts, where)
    by_pair = {(v.claim.treatment, v.claim.task): v for v in here}
    cells = {}
    for arm in scores.arms:
        for task in scores.tasks_in(where):
            cell = scores.cells.get((arm.label, task, where))
            verdict = by_pair.get((arm.label, task))
            word = _word(arm.label == control, arm.role in COMPARED, cell, verdict)
            text = score_text(cell, len(scores.seeds), says_labels=where.is_unlabelled)
            cells[arm.label, task] = SummaryCell(text, word, cell, verdict)
    return Summary(
        headline=headline(scores, control, verdicts, claims),
        setting=where.label,
        control=control,
        arms=tuple(arm.label for arm in scores.arms),
        tasks=scores.tasks_in(where),
        cells=cells,
        claims=tuple(claims),
    )


def _word(is_control: bool, is_trained: bool, cell: Cell | None, verdict: Verdict | None) -> Word:
    if cell is None:
        return "not run"
    if cell.n == 0:
        return "failed"
    if is_control:
        return "control"
    return _WORDS[verdict.outcome] if verdict and is_trained else "floor"


def outcome_word(verdict: Verdict) -> Word:
    """Return the word of a comparison: supported means that the treatment wins."""
    return _WORDS[verdict.outcome]
