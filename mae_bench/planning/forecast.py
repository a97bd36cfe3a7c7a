"""What each stage of a plan will take: as timed on this machine, else by FLOPs.

A stage's seconds come from the first of these that is there: finished stages of its sort at this
home and on this machine; a calibration; what both say of its protocol, or of pretrainings, beside
the model; the model alone.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mae_bench.planning.calibration import Calibration, Timing
from mae_bench.planning.machine import Machine
from mae_bench.planning.plan import Plan
from mae_bench.planning.sorts import sorts_of
from mae_bench.planning.stage import Key, Stage
from mae_bench.specs import EvaluateSpec, PretrainSpec
from mae_bench.store.artefact import read_about
from mae_bench.store.store import Store

MAX_READ = 40  # finished stages of one sort
TIMED, SCALED, ROUGH = "timed", "scaled", "rough"


@dataclass(frozen=True)
class StageModel:
    """What the model says of one stage.

    Attributes:
        seconds: of a step of a pretraining, of the whole of another stage.
        steps: of a pretraining, 1 for others; None where the clock ends it after ``seconds``.
    """

    seconds: float
    steps: int | None = 1


@dataclass(frozen=True)
class Forecast:
    """What stages take in one worker.

    Attributes:
        seconds: of each.
        timed_ratio: share of all seconds that stages of the same sort were timed for.
        scaled_ratio: share for which others of their protocol were.
        is_measured: whether anything that is used was timed on this machine.
        calibrated: labels of the stages of this plan whose timing came from the calibration.
    """

    seconds: Mapping[Key, float]
    timed_ratio: float = 0.0
    scaled_ratio: float = 0.0
    is_measured: bool = False
    calibrated: frozenset[str] = frozenset()


def group_of(stage: Stage) -> str:
    """Return what a stage's time is compared with."""
    return stage.spec.protocol if isinstance(stage.spec, EvaluateSpec) else stage.kind


def forecast(
    plan: Plan,
    store: Store,
    machine: Machine,
    known: Calibration | None,
    model: Callable[[Stage], StageModel],
    slowdown: float = 1.0,
) -> Forecast:
    """Return what the stages of a plan take, done or not.

    Args:
        plan: whose stages.
        store: whose finished stages are read.
        machine: on which it will run.
        known: a calibration of that machine.
        model: of a stage.
        slowdown: times that a stage takes beside the other workers of a run. What is finished was
            timed beside them.
    """
    sorts = sorts_of(plan)
    alone = known.timings if known else {}
    timings = {sort: timing.slower(slowdown) for sort, timing in alone.items()}
    calibrated = {alone[sort].label for sort in sorts.values() if sort in alone}
    timings |= finished_timings(plan, store, machine, sorts, model)
    ratios = _ratios(timings.values())
    seconds: dict[Key, float] = {}
    sure = dict.fromkeys((TIMED, SCALED, ROUGH), 0.0)
    for stage in plan.stages:
        modelled, group = model(stage), group_of(stage)
        timing = timings.get(sorts[stage.key])
        if modelled.steps is None:
            how, value = TIMED, modelled.seconds
        elif timing is not None:
            how, value = TIMED, timing.fixed_s + modelled.steps * timing.step_s
        else:
            how = SCALED if group in ratios else ROUGH
            value = modelled.seconds * modelled.steps * ratios.get(group, slowdown)
        seconds[stage.key] = value
        if not store.is_done(*stage.key):
            sure[how] += value
    total = sum(sure.values())
    return Forecast(
        seconds,
        timed_ratio=sure[TIMED] / total if total else 1.0,  # where nothing is left, none is a guess
        scaled_ratio=sure[SCALED] / total if total else 0.0,
        is_measured=not timings.keys().isdisjoint(sorts.values())
        or any(group_of(stage) in ratios for stage in plan.stages),
        calibrated=frozenset(calibrated),
    )


def finished_timings(
    plan: Plan,
    store: Store,
    machine: Machine,
    sorts: Mapping[Key, str],
    model: Callable[[Stage], StageModel],
) -> dict[str, Timing]:
    """Return the mean timing of each sort of stage that this machine has finished at a home."""
    seen: dict[str, list[tuple[float, Stage]]] = {}
    for stage in plan.stages:
        times = seen.setdefault(sorts[stage.key], [])
        if len(times) < MAX_READ and store.is_done(*stage.key):
            about = read_about(store.path(*stage.key))
            if about.get("machine") == machine.key:
                times.append((float(about["seconds"]), stage))
    timings = {}
    for sort, times in seen.items():
        if not times:
            continue
        stage, modelled = times[0][1], model(times[0][1])
        mean = sum(seconds for seconds, _ in times) / len(times)
        steps = modelled.steps if isinstance(stage.spec, PretrainSpec) else None
        timings[sort] = Timing(
            group=group_of(stage),
            label=stage.label,
            fixed_s=0.0 if steps else mean,
            step_s=mean / steps if steps else 0.0,
            modelled_s=modelled.seconds,
        )
    return timings


def _ratios(timings: Iterable[Timing]) -> dict[str, float]:
    """Return measured over modelled seconds, by group."""
    measured: dict[str, float] = {}
    modelled: dict[str, float] = {}
    for timing in timings:
        if not timing.modelled_s:
            continue
        whole = timing.step_s or timing.fixed_s
        measured[timing.group] = measured.get(timing.group, 0.0) + whole
        modelled[timing.group] = modelled.get(timing.group, 0.0) + timing.modelled_s
    return {group: measured[group] / modelled[group] for group in measured}
