"""The short answer: one sentence, and a word for each arm and task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from mae_bench.analysis.claims import (
    Outcome,
    Verdict,
    control_of,
    judge_claims,
    judge_comparisons,
    tally,
)
from mae_bench.analysis.dates import dated
from mae_bench.analysis.rows import read_metrics, read_scores
from mae_bench.analysis.scores import COMPARED, Cell, Scores, Unread
from mae_bench.analysis.tables import score_text
from mae_bench.specs import MIN_SEEDS, Study, Written

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
    verdicts = judge_comparisons(study, scores, control, [where]) if control else []
    others = read_metrics(rows, study, (), unread)
    claims = dated(judge_claims(study, scores, others, rows), written)
    by_pair = {(v.claim.treatment, v.claim.task): v for v in verdicts}
    cells = {}
    for arm in scores.arms:
        for task in scores.tasks_in(where):
            cell = scores.cells.get((arm.label, task, where))
            verdict = by_pair.get((arm.label, task))
            word = _word(arm.label == control, arm.role in COMPARED, cell, verdict)
            text = score_text(cell, len(scores.seeds), says_labels=where.is_unlabelled)
            cells[arm.label, task] = SummaryCell(text, word, cell, verdict)
    return Summary(
        headline=headline(study, scores, control, verdicts, claims),
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


def headline(
    study: Study,
    scores: Scores,
    control: str | None,
    verdicts: Sequence[Verdict],
    claims: Sequence[Verdict],
) -> str:
    """Return the answer in one or two sentences."""
    parts = []
    if claims:
        parts.append(_claims_sentence(claims))
    single = [v for v in verdicts if v.claim.task is not None]
    if single and control:
        pooled = [v for v in verdicts if v.claim.task is None]
        parts.append(
            _comparison_sentence(
                single,
                pooled,
                control,
                len(scores.tasks_in(scores.reference)),
                scores.reference.label,
            )
        )
    return " ".join(parts) or "There is one arm, so there is no comparison to judge."


def _claims_sentence(claims: Sequence[Verdict]) -> str:
    counts = tally(claims)
    total = len(claims)
    late = sum(claim.written == "post hoc" for claim in claims)
    post_hoc = f" ({late} post hoc)" if late else ""
    if counts["supported"] == total:
        every = "The claim is supported" if total == 1 else f"All {total} claims are supported"
        return f"{every}{post_hoc}."
    words = [
        f"{count} {'is' if count == 1 else 'are'} {outcome}"
        for outcome, count in counts.items()
        if count
    ]
    return f"Of {total} claim{'s' if total > 1 else ''}{post_hoc}, {_listed(words)}."


def _comparison_sentence(
    verdicts: Sequence[Verdict],
    pooled: Sequence[Verdict],
    control: str,
    num_tasks: int,
    setting: str,
) -> str:
    seeds = max(verdict.n for verdict in verdicts)
    if not seeds:
        return f"Nothing can be compared with {control} yet: no seed has both sides."
    if seeds < MIN_SEEDS:
        plural = "seed is" if seeds == 1 else "seeds are"
        return (
            f"Nothing is decidable against {control}: {seeds} {plural} too few, "
            f"at least {MIN_SEEDS} are needed."
        )
    wins: dict[str, list[str]] = {}
    losses: dict[str, list[str]] = {}
    for verdict in verdicts:
        side = {"supported": wins, "refuted": losses}.get(verdict.outcome)
        if side is not None:
            side.setdefault(verdict.claim.treatment, []).append(str(verdict.claim.task))
    on_mean = {
        v.claim.treatment: "wins" if v.outcome == "supported" else "loses"
        for v in pooled
        if v.outcome in ("supported", "refuted") and v.claim.treatment not in {*wins, *losses}
    }
    if not wins and not losses and not on_mean:
        return (
            f"No objective is shown to differ from {control} on any task with {seeds} seeds "
            f"({setting}){_power(verdicts)}."
        )
    parts = []
    if wins:
        parts.append(_sides(wins, num_tasks, "wins", "win"))
    if losses:
        parts.append(_sides(losses, num_tasks, "loses", "lose"))
    parts += [f"{arm} {verb} on the mean of tasks alone" for arm, verb in on_mean.items()]
    decided = {*wins, *losses, *on_mean}
    rest = {verdict.claim.treatment for verdict in verdicts} - decided
    if rest:
        parts.append(f"{_listed(sorted(rest)) if len(rest) <= 2 else 'the others'} undecided")
    return f"Against {control} ({setting}): {'; '.join(parts)}."


def _power(verdicts: Sequence[Verdict]) -> str:
    """Return the detectable differences; empty where the comparisons have several units."""
    measures = {verdict.measure for verdict in verdicts}
    sizes = [verdict.detectable for verdict in verdicts if np.isfinite(verdict.detectable)]
    if len(measures) > 1 or not sizes:
        return ""
    (measure,) = measures
    span = measure.number(min(sizes))
    if measure.number(max(sizes)) != span:
        span += f" to {measure.number(max(sizes))}"
    return f": {span} {measure.unit} would be found with 80% power"


def _sides(
    tasks_by_arm: Mapping[str, Sequence[str]], num_tasks: int, verb: str, plural: str
) -> str:
    """Return who won or lost, most tasks first: ``mae wins on 3 of 4 tasks, distill on 2``."""
    ranked = sorted(tasks_by_arm.items(), key=lambda item: -len(item[1]))
    if len(ranked) > 4:
        return f"{len(ranked)} objectives {plural} on some task, most of all {ranked[0][0]}"
    words = []
    for index, (arm, tasks) in enumerate(ranked):
        count = f"{len(tasks)} of {num_tasks} tasks" if index == 0 else str(len(tasks))
        count = "every task" if len(tasks) == num_tasks else count
        where = tasks[0] if len(tasks) == 1 else count
        words.append(f"{arm} {verb} on {where}" if index == 0 else f"{arm} on {where}")
    return ", ".join(words)


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
