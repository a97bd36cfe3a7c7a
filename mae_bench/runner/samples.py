"""One stage begun to see how long it would take; its result is thrown away.

A sample runs as a worker runs a stage, and is stopped once its own progress says how long the rest
will take.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mae_bench.planning.arms import ResolvedArm
from mae_bench.planning.stage import Stage
from mae_bench.progress import silent
from mae_bench.runner.stages import Settings, run_stage
from mae_bench.specs import Budget, PretrainSpec
from mae_bench.store.store import Store

BARELY_S = 0.1  # of a training whose checkpoint is only read
ENOUGH_POINTS = 3  # reports of progress from which a rate is read


class ScratchStore(Store):
    """A folder for samples, which reads of a home what it does not have itself."""

    def __init__(self, folder: Path, home: Store) -> None:
        """Make the folder's own; nothing is ever written to ``home``."""
        super().__init__(folder)
        self._real = home
        self.open()

    def path(self, kind: str, id_: str) -> Path:
        """Return where an artefact stands: here, else in the home."""
        mine = super().path(kind, id_)
        is_there = self._real.is_done(kind, id_) and not mine.exists()
        return self._real.path(kind, id_) if is_there else mine

    def is_done(self, kind: str, id_: str) -> bool:
        """Whether an artefact stands here or in the home."""
        return super().is_done(kind, id_) or self._real.is_done(kind, id_)


@dataclass(frozen=True)
class Clock:
    """Seconds that a stage takes on a machine with nothing else to do.

    On a CPU those are seconds of CPU: a worker has one thread and never waits for long, while
    others may share the cores with a calibration. On a GPU it waits for the card.
    """

    device: str

    def __call__(self) -> float:
        """Return the present time."""
        return time.process_time() if self.device == "cpu" else time.perf_counter()


class _Enough(Exception):
    """Ends a sample; no error."""


@dataclass
class Pace:
    """The progress of a stage: when how much of it was done.

    Attributes:
        clock: that times it.
        stop_s: after which it is stopped, once there are enough points.
        points: (seconds, done); those of the last ``total`` alone.
    """

    clock: Callable[[], float]
    stop_s: float
    points: list[tuple[float, float]] = field(default_factory=list)
    total: float = 0.0
    _start: float = 0.0

    def start(self) -> None:
        """Begin to count."""
        self._start = self.clock()

    @property
    def seconds(self) -> float:
        """Seconds since it began to count."""
        return self.clock() - self._start

    def __call__(self, done: float, total: float, note: str = "") -> None:
        """Note a report of progress.

        Raises:
            _Enough: the rest can be told from it.
        """
        now = self.seconds
        if total != self.total or (self.points and done <= self.points[-1][1]):
            self.points, self.total = [], total
        if done > 0:
            self.points.append((now, done))
        if now > self.stop_s and len(self.points) >= ENOUGH_POINTS:
            raise _Enough

    @property
    def unit_s(self) -> float:
        """Seconds of a unit of progress between the first point and the last."""
        (first_s, first), (last_s, last) = self.points[0], self.points[-1]
        return (last_s - first_s) / (last - first)

    def whole_s(self, total_ratio: float, read_ratio: float) -> float:
        """Return the seconds of all of it, at the rate between the first point and the last.

        Args:
            total_ratio: how many times ``total`` will be done, since a search may add rates.
            read_ratio: what is read after all training, in units of that.
        """
        last_s, last = self.points[-1]
        total = self.total * total_ratio
        return last_s + self.unit_s * max(0.0, total - last + total * read_ratio)


def sample_evaluation(
    stage: Stage,
    store: Store,
    settings: Settings,
    stop_s: float,
    total_ratio: float,
    read_ratio: float,
) -> float:
    """Return the seconds that an evaluation takes; it is begun, and ended only if it is short."""
    pace, seconds = _begun(stage, store, settings, stop_s)
    return pace.whole_s(total_ratio, read_ratio) if seconds is None else seconds


def _begun(
    stage: Stage, store: Store, settings: Settings, stop_s: float
) -> tuple[Pace, float | None]:
    """Begin a stage; return its pace, and the seconds of all of it where it was not stopped."""
    pace = Pace(Clock(settings.device), stop_s)
    pace.start()
    try:
        run_stage(stage, store, settings, pace)
    except _Enough:
        return pace, None
    return pace, pace.seconds


@dataclass(frozen=True)
class Steps:
    """A pretraining: what it takes in any case, and for each step."""

    fixed_s: float
    step_s: float


def barely_trained(
    stage: Stage, arm: ResolvedArm, store: Store, settings: Settings
) -> tuple[float, dict[str, Any]]:
    """Make a checkpoint of a step or a few; return its seconds and its ``cost.json``."""
    spec = stage.spec
    assert isinstance(spec, PretrainSpec)
    paid = [
        float(store.read_json(*need, "cost.json")["seconds"])
        for need in stage.needs
        if need[0] == "pretrain"
    ]
    budget = Budget(seconds=BARELY_S + sum(paid) / arm.requires.amortise_over)
    recipe = spec.recipe.model_copy(update={"budget": budget})
    short = replace(stage, spec=spec.model_copy(update={"recipe": recipe}))
    clock = Clock(settings.device)
    start = clock()
    run_stage(short, store, settings, silent)
    return clock() - start, store.read_json(*stage.key, "cost.json")


def sample_pretraining(
    stage: Stage,
    arm: ResolvedArm,
    store: Store,
    settings: Settings,
    stop_s: float,
    num_steps: int | None,
) -> Steps:
    """Begin a pretraining and stop it; one that is barely trained stays in ``store``.

    Args:
        stage: to be timed.
        arm: of the stage.
        store: of samples.
        settings: of a worker.
        stop_s: after which it is stopped.
        num_steps: of all of it; None where they are not known, as where the clock ends it.
    """
    spec = stage.spec
    assert isinstance(spec, PretrainSpec)
    short_s, cost = barely_trained(stage, arm, store, settings)
    if not arm.kind.is_trained:
        return Steps(short_s, 0.0)
    step_s = min(short_s, cost["seconds"]) / max(1, cost["steps"])
    if spec.recipe.budget.seconds is None:
        pace, whole_s = _begun(stage, store, settings, stop_s)
        if whole_s is None:
            step_s = pace.unit_s * spec.recipe.batch_rows * _row_length(store, stage)
        elif num_steps:  # too short for a rate: what it took is right for it, and bounds a step
            step_s = min(step_s, whole_s / num_steps)
            return Steps(whole_s - num_steps * step_s, step_s)
    return Steps(max(0.0, short_s - cost["steps"] * step_s), step_s)


def _row_length(store: Store, stage: Stage) -> int:
    (blocks,) = (need for need in stage.needs if need[0] == "blocks")
    return int(store.read_json(*blocks, "meta.json")["row_length"])
