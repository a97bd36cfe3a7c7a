"""What must be known before the answer is believed: lost runs, plateaus, floors, grids' edges."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from mae_bench.analysis.curves import Curve
from mae_bench.analysis.edges import choices
from mae_bench.analysis.health import health_of, state_of
from mae_bench.analysis.leads import compared_settings
from mae_bench.analysis.messages import listed, message
from mae_bench.analysis.pairwise import Decisions
from mae_bench.analysis.scores import COMPARED, Cell, Scores, Setting
from mae_bench.specs import MIN_SEEDS

_MAX_FLOORS = 4  # sentences


def cautions(
    rows: pd.DataFrame, scores: Scores, curves: Sequence[Curve], decisions: Decisions
) -> list[str]:
    """Return a sentence for each; none where all is as it should be."""
    return [
        *_worth_nothing(scores, decisions),
        *_lost_runs(scores),
        *_on_plateau(scores, curves),
        *_floors(scores),
        *_edges(rows, scores),
    ]


def _worth_nothing(scores: Scores, decisions: Decisions) -> Iterator[str]:
    """Yield the protocols where no pretraining is shown to be worth anything."""
    trained = [arm.label for arm in scores.of_role("trained")]
    for arm in scores.of_role("untrained"):
        floor = arm.label
        if not trained or decisions.only_with not in (None, floor):
            continue  # not all pairs were tested
        nowhere = [
            setting.protocol
            for setting in compared_settings(scores)
            if setting.protocol not in scores.corpus_protocols
            and _has_seeds(scores, [floor], setting)
            and _has_seeds(scores, trained, setting)
            and not any(
                (other, floor) in pairs
                for pairs in decisions.beaten.get(setting, {}).values()
                for other in trained
            )
        ]
        if nowhere:
            yield message("caution.untrained", arm=floor, protocols=listed(nowhere))


def _has_seeds(scores: Scores, arms: Sequence[str], setting: Setting) -> bool:
    """Whether a difference from one of the arms could be decided on some task."""
    cells = [
        scores.cells.get((a, task, setting)) for a in arms for task in scores.tasks_in(setting)
    ]
    return any(cell is not None and cell.n >= MIN_SEEDS for cell in cells)


def _lost_runs(scores: Scores) -> Iterator[str]:
    """Yield how many runs failed and collapsed, in all settings, and of which arms."""
    unique = {id(cell): (arm, cell) for (arm, _, _), cell in scores.cells.items()}
    failed: Counter[str] = Counter()
    collapsed: Counter[str] = Counter()
    num_runs = 0
    for arm, cell in unique.values():  # floors stand in several settings
        failed[arm] += cell.num_failed
        collapsed[arm] += cell.num_collapsed
        num_runs += cell.n + cell.num_failed
    for name, counts in (("failed", failed), ("collapsed", collapsed)):
        of = listed(f"{arm} {n}" for arm, n in counts.items() if n) if counts.total() else ""
        if of:
            yield message(f"caution.{name}", n=counts.total(), all=f"{num_runs:,}", arms=of)


def _on_plateau(scores: Scores, curves: Sequence[Curve]) -> Iterator[str]:
    """Yield of which arms pretrainings learnt no more than how often tokens occur."""
    collapsed: list[str] = []
    near: list[str] = []
    for arm in scores.arms:
        mine = [health_of(curve) for curve in curves if curve.arm == arm.label and curve.loss]
        states = Counter(map(state_of, mine))
        counts = ((collapsed, states["collapsed"]), (near, states["flat"] + states["near"]))
        for found, n in counts:
            if n:
                found.append(message("caution.of_arm", n=n, all=len(mine), arm=arm.label))
    if collapsed:
        yield message("caution.pretraining", arms=listed(collapsed))
    if near:
        yield message("caution.plateau", arms=listed(near))


def _floors(scores: Scores) -> Iterator[str]:
    """Yield where what needs no pretraining beats every arm that had one."""
    sentences = []
    for setting in compared_settings(scores):
        for task in scores.tasks_in(setting):
            if sentence := _floor(scores, task, setting):
                sentences.append(sentence)
    yield from sentences[:_MAX_FLOORS]
    if len(sentences) > _MAX_FLOORS:
        yield message("caution.more_floors", n=len(sentences) - _MAX_FLOORS)


def _floor(scores: Scores, task: str, setting: Setting) -> str:
    sign = scores.measure(task, setting).sign
    if scores.measure(task, setting).better == "neither":
        return ""

    def best(arms: Sequence[str]) -> tuple[str, Cell] | None:
        cells = [(arm, scores.cells.get((arm, task, setting))) for arm in arms]
        there = [(arm, cell) for arm, cell in cells if cell and np.isfinite(cell.mean)]
        return max(there, key=lambda one: sign * one[1].mean, default=None)

    arm = best([a.label for a in scores.of_role(*COMPARED)])
    floor = best([a.label for a in scores.of_role("floor", "untrained")])
    if arm is None or floor is None or sign * floor[1].mean <= sign * arm[1].mean:
        return ""
    number = floor[1].measure.number
    return message(
        "caution.floor",
        floor=floor[0],
        task=task,
        setting=setting.protocol,
        score=number(floor[1].mean),
        arm=arm[0],
        best=number(arm[1].mean),
    )


def _edges(rows: pd.DataFrame, scores: Scores) -> Iterator[str]:
    """Yield the protocols where most choices of the arms lie at an end of their grid."""
    own = {arm.label for arm in scores.of_role(*COMPARED, "untrained")}
    tried = choices(rows[rows["arm"].isin(own)])
    for protocol, group in tried.groupby("protocol", sort=False):
        ends = group["grid_edge"][group["grid_edge"] != ""]
        if 2 * len(ends) > len(group):
            counts = Counter(", ".join(ends).split(", "))
            which = listed(f"{name} ({count})" for name, count in counts.most_common())
            yield message(
                "caution.edge", protocol=protocol, n=len(ends), all=len(group), which=which
            )
