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
    tally,
)
from mae_bench.analysis.dates import dated
from mae_bench.analysis.messages import joined, listed, message, word
from mae_bench.analysis.rows import read_metrics, read_scores
from mae_bench.analysis.score_tables import score_text
from mae_bench.analysis.scores import COMPARED, Cell, Scores, Unread
from mae_bench.analysis.units import unit_after_number
from mae_bench.analysis.verdicts import detectable_range
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
    return joined(parts) or message("headline.one_arm")


def _claims_sentence(claims: Sequence[Verdict]) -> str:
    counts = tally(claims)
    late = sum(claim.written == "post hoc" for claim in claims)
    post_hoc = message("headline.post_hoc", n=late) if late else ""
    if counts["supported"] == len(claims):
        return message("headline.all_supported", n=len(claims), post_hoc=post_hoc)
    parts = [
        message("headline.outcome", n=count, outcome=word("word", outcome))
        for outcome, count in counts.items()
        if count
    ]
    parts_text = listed(parts, of="clauses")
    return message("headline.claims", n=len(claims), parts=parts_text, post_hoc=post_hoc)


def _comparison_sentence(
    verdicts: Sequence[Verdict],
    pooled: Sequence[Verdict],
    control: str,
    num_tasks: int,
    setting: str,
) -> str:
    seeds = max(verdict.n for verdict in verdicts)
    if not seeds:
        return message("headline.no_pairs", control=control)
    if seeds < MIN_SEEDS:
        return message("headline.few_seeds", n=seeds, control=control, least=MIN_SEEDS)
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
        power = _power(verdicts)
        return message("headline.nothing", control=control, n=seeds, setting=setting, power=power)
    parts = []
    if wins:
        parts.append(_sides(wins, num_tasks, "wins"))
    if losses:
        parts.append(_sides(losses, num_tasks, "loses"))
    parts += [message(f"headline.{verb}_on_mean", arm=arm) for arm, verb in on_mean.items()]
    decided = {*wins, *losses, *on_mean}
    rest = {verdict.claim.treatment for verdict in verdicts} - decided
    if rest:
        arms = listed(sorted(rest)) if len(rest) <= 2 else message("headline.others")
        parts.append(message("headline.undecided", arms=arms))
    answer = message("list.semicolon").join(parts)
    return message("headline.against", control=control, setting=setting, answer=answer)


def _power(verdicts: Sequence[Verdict]) -> str:
    """Return the detectable differences; empty where the comparisons have several units."""
    found = detectable_range(verdicts)
    if found is None:
        return ""
    measure, *ends = found
    least, most = map(measure.number, ends)
    span = least if least == most else message("headline.span", least=least, most=most)
    return message("headline.power", span=span, unit=unit_after_number(measure))


def _sides(tasks_by_arm: Mapping[str, Sequence[str]], num_tasks: int, verb: str) -> str:
    """Return who won or lost, most tasks first: ``mae wins on 3 of 4 tasks, distill on 2``."""
    ranked = sorted(tasks_by_arm.items(), key=lambda item: -len(item[1]))
    if len(ranked) > 4:
        return message(f"headline.many_{verb}", n=len(ranked), first=ranked[0][0])
    words = []
    for index, (arm, tasks) in enumerate(ranked):
        where = message("headline.tasks_too", n=len(tasks))
        if index == 0:
            where = message("headline.tasks", n=len(tasks), all=num_tasks)
        if len(tasks) == num_tasks:
            where = message("headline.every_task")
        if len(tasks) == 1:
            where = tasks[0]
        key = f"headline.{verb}" if index == 0 else f"headline.{verb}_too"
        words.append(message(key, arm=arm, where=where))
    return message("headline.comma").join(words)
