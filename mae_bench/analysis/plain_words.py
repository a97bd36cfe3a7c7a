"""A paragraph for a reader who reads nothing else: who won, where, how sure, at what cost.

It is made from the verdicts at the reference settings of the first few protocols, and says no more
than these.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from mae_bench.analysis.claims import Outcome, Verdict
from mae_bench.analysis.costs import costs_at, mean_costs
from mae_bench.analysis.leads import compared_settings, verdicts_in
from mae_bench.analysis.messages import joined, listed, message
from mae_bench.analysis.scores import COMPARED, Scores, Setting
from mae_bench.analysis.units import unit_after_number
from mae_bench.analysis.verdicts import OUTCOMES, detectable_range
from mae_bench.specs import MIN_SEEDS, Study

MAX_NAMED = 3  # arms, claims or comparisons that are named; the page lists all
_MAX_TASKS = 4
_MAX_COSTS = 8
_MAX_PROTOCOLS = 3


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
        verdicts: comparisons with the control, at least in the reference setting of each protocol.
        claims: verdicts of the claims that the study wrote down.
    """
    sentences: list[str] = []
    if control:
        for setting in compared_settings(scores)[:_MAX_PROTOCOLS]:
            here = [v for v in verdicts_in(verdicts, setting) if v.claim.task is not None]
            if here:
                sentences += _of_comparisons(study, scores, control, setting, here)
        if verdicts:
            sentences += _of_costs(rows, scores, control)
    return joined([*sentences, *_of_claims(claims)])


def _of_claims(claims: Sequence[Verdict]) -> Iterator[str]:
    """Yield what became of the claims, quoted where they are few."""
    by_outcome: dict[Outcome, list[str]] = {}
    for verdict in claims:
        by_outcome.setdefault(verdict.outcome, []).append(verdict.claim.sentence)
    for outcome in OUTCOMES:
        if said := by_outcome.get(outcome):
            name = outcome.replace(" ", "_")
            texts = [text.rstrip(".。") for text in said[:MAX_NAMED]]  # our sentence ends itself
            quoted = [message("plain.quoted", text=text) for text in texts]
            if len(said) > MAX_NAMED:
                yield message(f"plain.many_claims_{name}", n=len(said), all=len(claims))
            else:
                yield message(f"plain.claims_{name}", n=len(said), claims=listed(quoted))


def _of_comparisons(
    study: Study, scores: Scores, control: str, setting: Setting, verdicts: Sequence[Verdict]
) -> Iterator[str]:
    """Yield who is better than the control, who is worse, how sure that is, and what is open."""
    num_seeds = max(verdict.n for verdict in verdicts)
    if num_seeds < MIN_SEEDS:
        yield message("plain.too_few_seeds", n=num_seeds, least=MIN_SEEDS)
        return
    decided = [v for v in verdicts if v.outcome in ("supported", "refuted")]
    open_ones = [v for v in verdicts if v.outcome not in ("supported", "refuted")]
    where = setting.label
    if not decided:
        yield message("plain.nothing_shown", n=len(verdicts), control=control, setting=where)
    else:
        yield message("plain.setting", setting=where)
        yield from _sides(control, decided, len(scores.tasks_in(setting)))
        pretrained = {arm.label for arm in scores.of_role("trained")}
        is_ours = all({v.claim.treatment, control} <= pretrained for v in decided)
        repeated = study.repeats if is_ours else "any"
        repeats = message(f"plain.seeds_{repeated}", n=num_seeds)
        yield message("plain.how_sure", n=len(decided), all=len(verdicts), repeats=repeats)
    if decided and open_ones:
        which = _which(open_ones)
        yield message("plain.open", n=len(open_ones), all=len(verdicts), which=which)
    yield from _detectable(open_ones)


def _sides(control: str, decided: Sequence[Verdict], num_tasks: int) -> Iterator[str]:
    """Yield a sentence for each arm, first for that with most decided tasks."""
    by_arm: dict[str, dict[Outcome, list[Verdict]]] = {}
    for verdict in decided:
        arm = by_arm.setdefault(verdict.claim.treatment, {})
        arm.setdefault(verdict.outcome, []).append(verdict)
    ranked = sorted(by_arm.items(), key=lambda item: -sum(map(len, item[1].values())))
    for label, by_outcome in ranked[:MAX_NAMED]:
        where = {outcome: _where(verdicts, num_tasks) for outcome, verdicts in by_outcome.items()}
        better, worse = where.get("supported"), where.get("refuted")
        key = "plain.both" if better and worse else "plain.better" if better else "plain.worse"
        yield message(key, arm=label, control=control, better=better, worse=worse)
    if len(ranked) > MAX_NAMED:
        yield message("plain.more_arms", n=len(ranked) - MAX_NAMED)


def _where(verdicts: Sequence[Verdict], num_tasks: int) -> str:
    """Return the tasks, or how many they are, and by how much."""
    tasks = [str(verdict.claim.task) for verdict in verdicts]
    named = listed(tasks)
    if len(tasks) > _MAX_TASKS:
        named = message("plain.tasks", n=len(tasks), all=num_tasks)
    return named + _by(verdicts)


def _by(verdicts: Sequence[Verdict]) -> str:
    """Return by how much, with the unit; nothing where tasks have several units."""
    measures = {verdict.measure for verdict in verdicts}
    if len(measures) > 1:
        return ""
    (measure,) = measures
    sizes = sorted(abs(verdict.difference) for verdict in verdicts)
    least, most = measure.number(sizes[0]), measure.number(sizes[-1])
    if least == most:
        return message("plain.by", amount=least, unit=unit_after_number(measure))
    return message("plain.by_range", least=least, most=most, unit=unit_after_number(measure))


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
    if found := detectable_range(verdicts):
        measure, _, most = found
        amount = measure.number(most)
        yield message("plain.detectable", amount=amount, unit=unit_after_number(measure))


def _of_costs(rows: pd.DataFrame, scores: Scores, control: str) -> Iterator[str]:
    """Yield what the arms cost in FLOPs.

    Seconds stand in the table of costs alone: those of runs that shared a machine mislead.
    """
    costs = costs_at(mean_costs(rows), scores.reference)
    flops = costs.set_index("arm")["pretrain_flops"].astype(float)
    if control not in flops.index:
        return
    ratios = (flops / flops[control]).dropna()
    ratios = ratios[np.isfinite(ratios) & (ratios > 0)]
    others = [arm.label for arm in scores.of_role(*COMPARED) if arm.label != control]
    known = [arm for arm in others if arm in ratios.index]
    if not known:
        return
    parts = [
        message("plain.cost_part", arm=arm, flops=f"{ratios[arm]:.2f}")
        for arm in known[:_MAX_COSTS]
    ]
    if len(known) > _MAX_COSTS:
        ends = {"least": f"{ratios[known].min():.2f}", "most": f"{ratios[known].max():.2f}"}
        parts = [message("plain.cost_range", n=len(known), **ends)]
    yield message("plain.cost", control=control, parts=message("list.comma").join(parts))
