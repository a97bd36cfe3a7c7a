"""How long a run will take here, and from what that is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mae_bench.errors import DataError
from mae_bench.planning.calibration import Calibration, load_calibration
from mae_bench.planning.forecast import Forecast, StageModel, forecast
from mae_bench.planning.machine import Machine, num_cores, this_machine
from mae_bench.planning.modelled import Model
from mae_bench.planning.plan import Plan
from mae_bench.planning.schedule import makespan, slowdown
from mae_bench.planning.stage import Key, Stage
from mae_bench.specs import EvaluateSpec, PretrainSpec
from mae_bench.store.store import Store

ROUGH_START_S = 5.0  # until torch and what is built on it are imported


@dataclass(frozen=True)
class Speed:
    """From what the time of a plan is known.

    Attributes:
        machine: in a phrase.
        is_measured: whether anything was timed on it.
        timed_ratio: share of the seconds left that are of sorts of stages that were timed.
        scaled_ratio: share that others of their protocol were timed for.
        calibrated: when it was calibrated; None where it was not.
        tokens_per_s: of pretrainings that were calibrated, by the label of the stage.
        start_s: of a worker.
        crowding: times that a worker takes when every core has one.
        note: a sentence where a calibration is there and cannot be used.
    """

    machine: str
    is_measured: bool
    timed_ratio: float
    scaled_ratio: float
    calibrated: str | None
    tokens_per_s: Mapping[str, float]
    start_s: float
    crowding: float
    note: str = ""


@dataclass(frozen=True)
class Expectation:
    """Seconds of the stages of a plan beside so many workers, and the run's."""

    stages: Forecast
    speed: Speed
    num_workers: int

    def run_s(self, stages: Sequence[Stage], left: Mapping[Key, float]) -> float:
        """Return the seconds until all that is left is done.

        Args:
            stages: of the plan, in order.
            left: seconds of those that are to be run.
        """
        if not left:
            return 0.0
        starts = 1 if self.num_workers == 1 else 2  # of this process, and of its workers at once
        return starts * self.speed.start_s + makespan(stages, left, self.num_workers)


def expect(
    plan: Plan,
    store: Store,
    device: str,
    model: Model,
    pretrainings: Mapping[str, StageModel],
    num_workers: int,
) -> Expectation:
    """Return what the stages of a plan take on this machine, done or not.

    Args:
        plan: whose stages.
        store: with the calibration, and with finished stages.
        device: ``cpu`` or ``cuda``.
        model: of the plan.
        pretrainings: what the model says of them, by id.
        num_workers: that a run would have.
    """
    machine = this_machine(device)
    known, note = known_calibration(store, machine)
    crowding = known.crowding if known else 1.0
    times = slowdown(num_workers, _num_places(device), crowding)
    stages = forecast(
        plan, store, machine, known, lambda stage: modelled(stage, model, pretrainings), times
    )
    return Expectation(stages, _speed(machine, known, stages, note), num_workers)


def modelled(stage: Stage, model: Model, pretrainings: Mapping[str, StageModel]) -> StageModel:
    """Return what the model says of a stage."""
    if isinstance(stage.spec, PretrainSpec):
        return pretrainings[stage.id]
    if isinstance(stage.spec, EvaluateSpec):
        return StageModel(model.evaluation_s(stage))
    return StageModel(model.preparation_s(stage))


def known_calibration(store: Store, machine: Machine) -> tuple[Calibration | None, str]:
    """Return a home's calibration of a machine, and why it has none that can be used."""
    try:
        return load_calibration(store.home, machine), ""
    except DataError as error:
        return None, str(error)


def _num_places(device: str) -> int:
    if device == "cpu":
        return num_cores()
    import torch

    return max(1, torch.cuda.device_count())


def _speed(machine: Machine, known: Calibration | None, stages: Forecast, note: str) -> Speed:
    timings = [t for t in known.timings.values() if t.tokens_per_s] if known else []
    return Speed(
        machine=machine.text,
        is_measured=stages.is_measured,
        timed_ratio=stages.timed_ratio,
        scaled_ratio=stages.scaled_ratio,
        calibrated=known.measured if known else None,
        tokens_per_s={t.label: t.tokens_per_s for t in timings if t.label in stages.calibrated},
        start_s=known.start_s if known else ROUGH_START_S,
        crowding=known.crowding if known else 1.0,
        note=note,
    )
