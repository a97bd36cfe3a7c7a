"""The headline: who is better than the control where, and what became of the claims."""

from collections import Counter
from collections.abc import Mapping, Sequence

from mae_bench.analysis.claims import Verdict, tally
from mae_bench.analysis.leads import compared_settings, verdicts_in
from mae_bench.analysis.messages import joined, listed, message, word
from mae_bench.analysis.scores import Scores, Setting
from mae_bench.analysis.units import unit_after_number
from mae_bench.analysis.verdicts import detectable_range
from mae_bench.specs import MIN_SEEDS

_MAX_ARMS = 3  # named in one part
_MAX_PROTOCOLS = 3  # named in one part
_MAX_LENGTH = 170  # characters, above which arms are counted


def headline(
    scores: Scores, control: str | None, versus: Sequence[Verdict], claims: Sequence[Verdict]
) -> str:
    """Return the answer in one or two sentences, that on the claims last."""
    parts = [answer(scores, control, versus), claims_sentence(claims)]
    return joined(parts) or message("headline.one_arm")


def answer(scores: Scores, control: str | None, versus: Sequence[Verdict]) -> str:
    """Return who differs from the control, at the reference setting of each protocol.

    Empty where there is nothing to compare.
    """
    if control is None:
        return ""
    compared = [
        (setting, here)
        for setting in compared_settings(scores)
        if (here := verdicts_in(versus, setting)) and any(v.claim.task is not None for v in here)
    ]
    if not compared:
        return ""
    if len(compared) == 1:
        ((setting, here),) = compared
        single = [v for v in here if v.claim.task is not None]
        pooled = [v for v in here if v.claim.task is None]
        num_tasks = len(scores.tasks_in(setting))
        return _comparison_sentence(single, pooled, control, num_tasks, setting.label)
    return _over_protocols(scores, control, compared)


def _over_protocols(
    scores: Scores, control: str, compared: Sequence[tuple[Setting, Sequence[Verdict]]]
) -> str:
    """Return a part for each protocol that decides something, and one for the others."""
    seeds = max(v.n for _, here in compared for v in here)
    if not seeds:
        return message("headline.no_pairs", control=control)
    if seeds < MIN_SEEDS:
        return message("headline.few_seeds", n=seeds, control=control, least=MIN_SEEDS)
    decided: list[str] = []
    nothing: list[str] = []
    for setting, here in compared:
        said = _sides_at(here, len(scores.tasks_in(setting)), control)
        if said:
            key = "headline.at" if decided else "headline.at_first"
            decided.append(message(key, where=setting.protocol, answer=said))
        elif any(verdict.n for verdict in here):
            nothing.append(setting.protocol)
    if not decided:
        where = _protocols(nothing)
        return message("headline.nothing_anywhere", control=control, n=seeds, where=where)
    if nothing:
        where = _protocols(nothing)
        decided.append(message("headline.nothing_at", where=where, control=control))
    text = message("headline.parts", parts=message("list.semicolon").join(decided))
    return text if len(text) <= _MAX_LENGTH else _by_arm(control, compared)


def _sides_at(here: Sequence[Verdict], num_tasks: int, control: str) -> str:
    """Return who beats the control at a protocol, and who is worse; empty for nobody."""
    parts = []
    for verb, outcome in (("beats", "supported"), ("worse", "refuted")):
        n, arms = _arms(here, outcome, num_tasks)
        if n:
            parts.append(message(f"headline.{verb}", n=n, arms=arms, control=control))
    return message("headline.comma").join(parts)


def _by_arm(control: str, compared: Sequence[tuple[Setting, Sequence[Verdict]]]) -> str:
    """Return at how many protocols each arm beats the control, or is worse, on some task."""
    parts = []
    for verb, outcome in (("beats", "supported"), ("worse", "refuted")):
        counts: Counter[str] = Counter()
        for _, here in compared:
            counts.update({v.claim.treatment for v in here if v.outcome == outcome})
        if counts:
            ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            arms = [message("headline.arm_at", arm=arm, n=n) for arm, n in ranked[:_MAX_ARMS]]
            text = message("headline.comma").join(arms)
            parts.append(message(f"headline.{verb}_at", control=control, arms=text))
    parts_text = message("list.semicolon").join(parts)
    return message("headline.over", n=len(compared), control=control, parts=parts_text)


def _arms(here: Sequence[Verdict], outcome: str, num_tasks: int) -> tuple[int, str]:
    """Return how many arms have an outcome somewhere, and who and where they are."""
    tasks_by_arm: dict[str, list[str]] = {}
    such = [verdict for verdict in here if verdict.outcome == outcome]
    for verdict in sorted(such, key=lambda v: -v.measure.sign * v.difference):
        tasks = tasks_by_arm.setdefault(verdict.claim.treatment, [])
        tasks += [verdict.claim.task] if verdict.claim.task is not None else []
    if len(tasks_by_arm) > _MAX_ARMS:
        return len(tasks_by_arm), message("headline.num_arms", n=len(tasks_by_arm))
    named = []
    for arm, tasks in tasks_by_arm.items():
        where = message("headline.tasks", n=len(tasks), all=num_tasks)
        if len(tasks) == 1:
            where = tasks[0]
        key = "headline.arm_on" if tasks else "headline.arm_on_mean"
        is_everywhere = len(tasks) == num_tasks
        named.append(arm if is_everywhere else message(key, arm=arm, where=where))
    return len(named), listed(named) if named else ""


def _protocols(names: Sequence[str]) -> str:
    if len(names) > _MAX_PROTOCOLS:
        return message("headline.num_protocols", n=len(names))
    return listed(names)


def claims_sentence(claims: Sequence[Verdict]) -> str:
    """Return how many claims have each outcome; empty without any."""
    if not claims:
        return ""
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
