"""Who leads where: what each protocol decides against the control, at its reference setting."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from mae_bench.analysis.forest import Bar, Forest, forest
from mae_bench.analysis.messages import joined, listed, message, word
from mae_bench.analysis.pairwise import Decisions
from mae_bench.analysis.scores import Scores, Setting
from mae_bench.analysis.units import note, unit_after_number
from mae_bench.analysis.verdicts import Verdict, detectable_range
from mae_bench.specs import MIN_SEEDS

_MAX_TASKS = 3  # without a mean, each with a line of its own
_MAX_NAMED = 4  # arms that a line names on one side

_SIGNS = {"supported": "wins", "refuted": "loses"}


@dataclass(frozen=True)
class Chip:
    """A decided difference from the control."""

    word: str  # "wins" or "loses"
    arm: str
    where: str
    numbers: str
    title: str


@dataclass(frozen=True)
class Lead:
    """A line of the strip: one protocol on one task, or on the mean of its tasks.

    Attributes:
        task: what is averaged, or the one task.
        setting: all of it but the protocol.
        answer: who leads, or what would have been seen.
        rest: how many arms are left open, and what would have been seen of them.
        chips: the decided differences.
        forest: the intervals as a picture; None where there are none.
    """

    protocol: str
    task: str
    setting: str
    answer: str
    rest: str
    chips: tuple[Chip, ...]
    forest: Forest | None

    @property
    def is_decided(self) -> bool:
        """Whether some arm differs from the control."""
        return bool(self.chips)


def compared_settings(scores: Scores) -> list[Setting]:
    """Return the reference setting of each protocol: its first.

    Protocols that read the corpus measure what is inside an encoder, which nobody wins; they are
    left out where there are others.
    """
    first: dict[str, Setting] = {}
    for setting in scores.settings:
        first.setdefault(setting.protocol, setting)
    of_tasks = [one for one in first.values() if one.protocol not in scores.corpus_protocols]
    return of_tasks or [*first.values()]


def verdicts_in(verdicts: Sequence[Verdict], setting: Setting) -> list[Verdict]:
    """Return the comparisons of one setting."""
    return [verdict for verdict in verdicts if verdict.setting == setting.key]


def left_out(scores: Scores) -> tuple[str, ...]:
    """Return the protocols of the rows that take no part in the answer."""
    kept = {setting.protocol for setting in compared_settings(scores)}
    return tuple(dict.fromkeys(s.protocol for s in scores.settings if s.protocol not in kept))


def leads(
    scores: Scores, control: str, versus: Sequence[Verdict], decisions: Decisions
) -> list[Lead]:
    """Return the lines of all protocols.

    Args:
        scores: of the study.
        control: label of the arm that the others are compared with.
        versus: the comparisons with it, in all settings.
        decisions: between all pairs of arms, for who is best of several that win.
    """
    lines: list[Lead] = []
    for setting in compared_settings(scores):
        here = verdicts_in(versus, setting)
        if any(verdict.n for verdict in here):
            lines += _of_setting(scores, control, setting, here, decisions)
    return sorted(lines, key=lambda line: not line.is_decided)


def _of_setting(
    scores: Scores,
    control: str,
    setting: Setting,
    here: Sequence[Verdict],
    decisions: Decisions,
) -> Iterator[Lead]:
    pooled = [verdict for verdict in here if verdict.claim.task is None and verdict.n]
    single = [verdict for verdict in here if verdict.claim.task is not None]
    beaten = {
        task: decisions.beaten.get(setting, {}).get(task, frozenset())
        | decisions.with_outside.get(setting, {}).get(task, frozenset())
        for task in (*scores.tasks_in(setting), None)
    }
    if pooled:
        on_mean = {(v.claim.treatment, v.outcome) for v in pooled}
        own = [v for v in _decided(single) if (v.claim.treatment, v.outcome) not in on_mean]
        name = message("lead.mean", tasks=listed(scores.tasks_in(setting)))
        if len(scores.tasks_in(setting)) > _MAX_NAMED:
            name = message("lead.mean_many", n=len(scores.tasks_in(setting)))
        yield _line(control, setting, name, pooled, own, beaten[None])
        return
    tasks = [(task, list(some)) for task, some in groupby(_by_task(single), _task)]
    if len(tasks) > _MAX_TASKS:
        yield _counted(control, setting, single, len(tasks))
        return
    for task, verdicts in tasks:
        yield _line(control, setting, task, verdicts, (), beaten[task])


def _counted(control: str, setting: Setting, single: Sequence[Verdict], num_tasks: int) -> Lead:
    """Return one line for many tasks that have no mean: on how many each arm differs."""
    chips = []
    for outcome, name in _SIGNS.items():
        wins = Counter(v.claim.treatment for v in single if v.outcome == outcome)
        for arm, n in wins.most_common():
            tasks = listed(
                [_task(v) for v in single if (v.claim.treatment, v.outcome) == (arm, outcome)]
            )
            numbers = message("headline.tasks", n=n, all=num_tasks)
            chips.append(Chip(name, arm, "", numbers, tasks))
    seeds = max(verdict.n for verdict in single)
    if seeds < MIN_SEEDS:
        answer = message("lead.few_seeds", n=seeds, least=MIN_SEEDS)
    elif chips:
        answer = message("lead.tasks", control=control)
    else:
        answer = message("lead.nothing", control=control, power=_power(single))
    name = message("lead.each", n=num_tasks)
    return Lead(setting.protocol, name, _rest_of(setting), answer, "", tuple(chips), None)


def _rest_of(setting: Setting) -> str:
    """Return the setting's label without the protocol."""
    comma = message("setting.comma")
    return setting.label.removeprefix(f"{setting.protocol}{comma}")


def _task(verdict: Verdict) -> str:
    return str(verdict.claim.task)


def _by_task(verdicts: Sequence[Verdict]) -> list[Verdict]:
    order = list(dict.fromkeys(map(_task, verdicts)))
    return sorted(verdicts, key=lambda verdict: order.index(_task(verdict)))


def _decided(verdicts: Sequence[Verdict]) -> list[Verdict]:
    return [verdict for verdict in verdicts if verdict.outcome in _SIGNS]


def _gain(verdict: Verdict) -> float:
    return verdict.measure.sign * verdict.difference


def _line(
    control: str,
    setting: Setting,
    name: str,
    verdicts: Sequence[Verdict],
    own: Sequence[Verdict],
    beaten: frozenset[tuple[str, str]],
) -> Lead:
    """Return a line; ``own`` are decided on single tasks, and not so on their mean."""
    decided = sorted(_decided(verdicts), key=lambda verdict: -_gain(verdict))
    chips = [_chip(verdict, "") for verdict in decided]
    chips += _on_single_tasks(own)
    measure = verdicts[0].measure
    task = f"{name} ({note(measure)})" if note(measure) else name
    scope = message("lead.on_the_mean") if own else ""
    answer = joined([scope, _answer(control, verdicts, decided, beaten)])
    rest = _rest([verdict for verdict in verdicts if verdict not in decided]) if decided else ""
    rest = joined([scope, rest]) if rest else ""
    ranked = sorted(
        verdicts, key=lambda v: (v.outcome not in _SIGNS, -abs(np.nan_to_num(_gain(v))))
    )
    bars = [
        Bar(v.claim.treatment, v.low, v.difference, v.high, _SIGNS.get(v.outcome, "undecided"))
        for v in ranked
        if np.isfinite(v.low)
    ]
    drawn = forest(bars, measure)
    return Lead(setting.protocol, task, _rest_of(setting), answer, rest, tuple(chips), drawn)


def _on_single_tasks(own: Sequence[Verdict]) -> Iterator[Chip]:
    """Yield a chip for each arm and side, with its numbers where it is one task."""
    sides = dict.fromkeys((verdict.claim.treatment, verdict.outcome) for verdict in own)
    for side in sides:
        mine = [verdict for verdict in own if (verdict.claim.treatment, verdict.outcome) == side]
        if len(mine) == 1:
            yield _chip(mine[0], _task(mine[0]))
            continue
        arm, outcome = side
        numbers = message("lead.on_tasks", n=len(mine))
        yield Chip(_SIGNS[outcome], arm, "", numbers, listed(map(_task, mine)))


def _chip(verdict: Verdict, where: str) -> Chip:
    numbers = (
        f"{verdict.text(verdict.difference)} {verdict.interval_text(verdict.low, verdict.high)}"
    )
    where = message("lead.on_task", task=where) if where else ""
    return Chip(_SIGNS[verdict.outcome], verdict.claim.treatment, where, numbers, verdict.reason)


def _answer(
    control: str,
    verdicts: Sequence[Verdict],
    decided: Sequence[Verdict],
    beaten: frozenset[tuple[str, str]],
) -> str:
    """Return who leads."""
    seeds = max(verdict.n for verdict in verdicts)
    if seeds < MIN_SEEDS:
        return message("lead.few_seeds", n=seeds, least=MIN_SEEDS)
    if not decided:
        return message("lead.nothing", control=control, power=_power(verdicts))
    winners = [v.claim.treatment for v in decided if v.outcome == "supported"]
    losers = [v.claim.treatment for v in decided if v.outcome == "refuted"]
    parts = []
    if len(winners) == 1:
        parts.append(message("lead.leads", arm=winners[0], control=control))
    elif winners:
        first, *others = winners
        parts.append(message("lead.several", arms=_named(winners), control=control))
        if all((first, other) in beaten for other in others):
            parts.append(message("lead.best", arm=first))
        else:
            parts.append(message("lead.no_best"))
    else:
        parts.append(message("lead.not_beaten", control=control))
    if losers:
        parts.append(message("lead.worse", n=len(losers), arms=_named(losers), control=control))
    return joined(parts)


def _rest(verdicts: Sequence[Verdict]) -> str:
    """Return how many are left open; empty for none."""
    return message("lead.open", n=len(verdicts), power=_power(verdicts)) if verdicts else ""


def _named(labels: Sequence[str]) -> str:
    if len(labels) > _MAX_NAMED:
        return message("lead.num_arms", n=len(labels))
    return listed(labels)


def _power(verdicts: Sequence[Verdict]) -> str:
    """Return in brackets the difference that would have been found; empty where it is unknown."""
    found = detectable_range(verdicts)
    if found is None:
        return ""
    measure, _, most = found
    return message("lead.power", amount=measure.number(most), unit=unit_after_number(measure))


def legend(scores: Scores, control: str, lines: Sequence[Lead], versus: Sequence[Verdict]) -> str:
    """Return how the strip is read."""
    settings = compared_settings(scores)
    chosen = [verdict for setting in settings for verdict in verdicts_in(versus, setting)]
    units = listed(dict.fromkeys(word("unit", verdict.measure.unit) for verdict in chosen))
    seeds = max((verdict.n for verdict in chosen), default=0)
    parts = [message("lead.legend", control=control, units=units, n=seeds)]
    if all(setting.noise.label == "clean" for setting in settings):
        parts.append(message("lead.clean"))
    if others := left_out(scores):
        parts.append(message("lead.left_out", protocols=listed(others)))
    return joined(parts)
