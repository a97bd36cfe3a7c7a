"""A paragraph for a reader who reads nothing else: who won, where, how sure, at what cost.

It is made from the verdicts of the reference setting, and says no more than they do.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from mae_bench.analysis.claims import Outcome, Verdict
from mae_bench.analysis.costs import mean_costs
from mae_bench.analysis.messages import joined, listed, message
from mae_bench.analysis.scores import COMPARED, Scores
from mae_bench.specs import MIN_SEEDS, Study

MAX_NAMED = 3  # arms, claims or comparisons that are named; the page lists all
_MAX_TASKS = 4


def plain_words(
    rows: pd.DataFrame,
    study: Study,
    scores: Scores,
    control: str | None,
    verdicts: Sequence[Verdict],
    claims: Sequence[Verdict],
) -> str:
    """Return the paragraph.

    Args:
        rows: of the study, for its costs.
        study: that asked for them.
        scores: of the rows.
        control: the label that others are compared with.
        verdicts: comparisons with the control in the reference setting.
        claims: verdicts of the claims that the study wrote down.
    """
    single = [verdict for verdict in verdicts if verdict.claim.task is not None]
    sentences = [*_of_claims(claims)]
    if control and single:
        sentences += _of_comparisons(study, scores, control, single)
        sentences += _of_costs(rows, scores, control, single)
    sentences += _of_lost_runs(scores)
    return joined(sentences)


def _of_claims(claims: Sequence[Verdict]) -> Iterator[str]:
    """Yield what became of the claims, quoted where they are few."""
    by_outcome: dict[Outcome, list[str]] = {}
    for verdict in claims:
        by_outcome.setdefault(verdict.outcome, []).append(verdict.claim.sentence)
    for outcome in ("supported", "refuted", "not decidable", "not run"):
        if said := by_outcome.get(outcome):
            name = outcome.replace(" ", "_")
            quoted = [message("plain.quoted", text=text) for text in said[:MAX_NAMED]]
            if len(said) > MAX_NAMED:
                yield message(f"plain.many_claims_{name}", n=len(said), all=len(claims))
            else:
                yield message(f"plain.claims_{name}", n=len(said), claims=listed(quoted))


def _of_comparisons(
    study: Study, scores: Scores, control: str, verdicts: Sequence[Verdict]
) -> Iterator[str]:
    """Yield who is better than the control, who is worse, how sure that is, and what is open."""
    num_seeds = max(verdict.n for verdict in verdicts)
    if num_seeds < MIN_SEEDS:
        yield message("plain.too_few_seeds", n=num_seeds, least=MIN_SEEDS)
        return
    decided = [v for v in verdicts if v.outcome in ("supported", "refuted")]
    open_ones = [v for v in verdicts if v.outcome not in ("supported", "refuted")]
    where = scores.reference.label
    if not decided:
        yield message("plain.nothing_shown", n=len(verdicts), control=control, setting=where)
    else:
        yield message("plain.setting", setting=where)
        yield from _sides(scores, control, decided)
        pretrained = {arm.label for arm in scores.of_role("trained")}
        is_ours = all({v.claim.treatment, control} <= pretrained for v in decided)
        repeated = study.repeats if is_ours else "any"
        repeats = message(f"plain.seeds_{repeated}", n=num_seeds)
        yield message("plain.how_sure", n=len(decided), all=len(verdicts), repeats=repeats)
    if decided and open_ones:
        yield message("plain.open", n=len(open_ones), all=len(verdicts), which=_which(open_ones))
    yield from _detectable(open_ones)


def _sides(scores: Scores, control: str, decided: Sequence[Verdict]) -> Iterator[str]:
    """Yield a sentence for each arm and direction, most tasks first."""
    num_tasks = len(scores.tasks_in(scores.reference))
    for outcome, key in (("supported", "plain.better"), ("refuted", "plain.worse")):
        by_arm: dict[str, list[Verdict]] = {}
        for verdict in (v for v in decided if v.outcome == outcome):
            by_arm.setdefault(verdict.claim.treatment, []).append(verdict)
        ranked = sorted(by_arm.items(), key=lambda item: -len(item[1]))
        for arm, verdicts in ranked[:MAX_NAMED]:
            tasks = [str(verdict.claim.task) for verdict in verdicts]
            named = listed(tasks)
            if len(tasks) > _MAX_TASKS:
                named = message("plain.tasks", n=len(tasks), all=num_tasks)
            yield message(key, arm=arm, control=control, tasks=named, by=_by(verdicts))
        if left := len(ranked) - MAX_NAMED:
            if left > 0:
                yield message(f"{key}_too", n=left)


def _by(verdicts: Sequence[Verdict]) -> str:
    """Return by how much, with the unit; nothing where tasks have several units."""
    measures = {verdict.measure for verdict in verdicts}
    if len(measures) > 1:
        return ""
    (measure,) = measures
    sizes = sorted(abs(verdict.difference) for verdict in verdicts)
    least, most = measure.number(sizes[0]), measure.number(sizes[-1])
    if least == most:
        return message("plain.by", amount=least, unit=measure.unit)
    return message("plain.by_range", least=least, most=most, unit=measure.unit)


def _which(verdicts: Sequence[Verdict]) -> str:
    """Return the open comparisons by name, where they are few."""
    if len(verdicts) > MAX_NAMED:
        return ""
    names = [
        message("plain.on_task", arm=verdict.claim.treatment, task=verdict.claim.task)
        for verdict in verdicts
    ]
    return message("plain.which", names=listed(names))


def _detectable(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yield the difference that would have been found, where all are read alike."""
    measures = {verdict.measure for verdict in verdicts}
    sizes = [verdict.detectable for verdict in verdicts if np.isfinite(verdict.detectable)]
    if len(measures) == 1 and sizes:
        (measure,) = measures
        yield message("plain.detectable", amount=measure.number(max(sizes)), unit=measure.unit)


def _of_costs(
    rows: pd.DataFrame, scores: Scores, control: str, verdicts: Sequence[Verdict]
) -> Iterator[str]:
    """Yield what the arms that win somewhere cost; of every arm, where none does and few are."""
    where = scores.reference
    costs = mean_costs(rows)
    if where.corpus_tokens:
        costs = costs[costs["corpus_tokens"] == where.corpus_tokens]
    if where.pretrain_ratio is not None:
        costs = costs[costs["pretrain_ratio"] == where.pretrain_ratio]
    by_arm: dict[str, Mapping[str, float]] = {
        str(cost["arm"]): {name: float(cost[name]) for name in ("pretrain_flops", "pretrain_s")}
        for cost in costs.to_dict("records")
    }
    base = by_arm.get(control)
    winners = dict.fromkeys(v.claim.treatment for v in verdicts if v.outcome == "supported")
    others = [arm.label for arm in scores.of_role(*COMPARED) if arm.label != control]
    chosen = [arm for arm in (winners or others) if arm in by_arm]
    if base is None or not base["pretrain_flops"] or len(chosen) > MAX_NAMED:
        return
    parts = []
    for arm in chosen:
        flops = by_arm[arm]["pretrain_flops"] / base["pretrain_flops"]
        seconds = by_arm[arm]["pretrain_s"] / base["pretrain_s"] if base["pretrain_s"] else np.nan
        key = "plain.cost_part" if np.isfinite(seconds) else "plain.cost_part_flops"
        parts.append(message(key, arm=arm, flops=f"{flops:.2f}", seconds=f"{seconds:.2f}"))
    if parts:
        costs_listed = message("plain.cost_comma").join(parts)
        yield message("plain.cost", control=control, parts=costs_listed)


def _of_lost_runs(scores: Scores) -> Iterator[str]:
    """Yield how many runs failed and collapsed, in all settings."""
    cells = {id(cell): cell for cell in scores.cells.values()}.values()  # floors stand in several
    failed = sum(cell.num_failed for cell in cells)
    collapsed = sum(cell.num_collapsed for cell in cells)
    num_runs = failed + sum(cell.n for cell in cells)
    if failed:
        yield message("plain.failed", n=failed, all=f"{num_runs:,}")
    if collapsed:
        yield message("plain.collapsed", n=collapsed, all=f"{num_runs:,}")
