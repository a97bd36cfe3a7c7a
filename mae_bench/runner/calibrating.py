"""Times the sorts of stages of a study on this machine, for `mae_bench.planning.calibration`."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from mae_bench.errors import DataError, MaeBenchError
from mae_bench.planning.arms import ResolvedArm
from mae_bench.planning.calibration import Calibration, Timing, check_room, save_calibration
from mae_bench.planning.estimate import model_of
from mae_bench.planning.forecast import group_of
from mae_bench.planning.machine import num_cores, this_machine
from mae_bench.planning.modelled import expected_rates
from mae_bench.planning.plan import Plan
from mae_bench.planning.reasons import failure_reasons
from mae_bench.planning.sorts import sorts_of
from mae_bench.planning.stage import Stage
from mae_bench.progress import Progress, silent
from mae_bench.runner.samples import (
    Clock,
    ScratchStore,
    barely_trained,
    sample_evaluation,
    sample_pretraining,
)
from mae_bench.runner.session import Session
from mae_bench.runner.stages import Settings
from mae_bench.runner.work import Emit, ignore_event
from mae_bench.specs import EvaluateSpec, FinetuneRecipe, PretrainSpec

LEAST_S, MOST_S = 0.7, 3.0  # of one sample
CROWD_S = 0.6
_IMPORTS = (
    "import mae_bench.pretraining.pretrain, mae_bench.protocols, mae_bench.tasks, pandas, "
    "pyarrow.parquet, sklearn.linear_model, sklearn.preprocessing, transformers"
)
_PRODUCTS = f"""
import time, numpy
a = numpy.ones((384, 384), numpy.float32)
start, number = time.process_time(), 0
while time.process_time() - start < {CROWD_S}:
    a @ a
    number += 1
print(number / (time.process_time() - start))
"""


def calibrate(
    session: Session, limit_s: float, emit: Emit = ignore_event, progress: Progress = silent
) -> tuple[Calibration, Path]:
    """Prepare a study, time one stage of each sort that is left, and keep the timings.

    Args:
        session: of the study.
        limit_s: about how long the samples may take in all. What is left then goes without a
            timing, and is told from others of its protocol.
        emit: gets the events of stages that are prepared.
        progress: gets the number of samples done.

    Returns:
        What was measured now, and the file that holds it beside earlier timings.

    Raises:
        DataError: the study's data could not be prepared.
        StoreError: the file cannot be written.
    """
    plan = session.plan
    settings = Settings(session.device, session.data_dir, compile_by=session.compile_by)
    machine = this_machine(session.device, settings.num_threads)
    check_room(session.store.home, machine)
    session.prepare(emit)
    ready = ready_first(plan)
    session.execute(ready, emit)
    reasons = failure_reasons(plan, session.store)
    if lost := [stage for stage in ready if stage.key in reasons]:
        raise DataError(
            f"nothing is timed without '{lost[0].label}': {reasons[lost[0].key]}; once the cause "
            "is mended, `mae-bench prepare STUDY --retry failed` tries it again"
        )
    settings.apply()
    start_s, crowding = start_seconds(), crowded(session.device)
    with tempfile.TemporaryDirectory(prefix="mae-bench-") as folder:
        store = ScratchStore(Path(folder), session.store)
        timings = _Sampler(plan, session, store, settings).run(limit_s, progress)
    new = Calibration(
        machine=machine.key,
        text=machine.text,
        measured=time.strftime("%Y-%m-%d %H:%M"),
        start_s=start_s,
        crowding=crowding,
        timings=timings,
    )
    return new, save_calibration(session.store, machine, new)


def ready_first(plan: Plan) -> list[Stage]:
    """Return the stages that are brought to an end before anything is timed."""
    return [stage for stage in plan.stages if stage.kind not in ("pretrain", "evaluate")]


class _Sampler:
    def __init__(
        self, plan: Plan, session: Session, store: ScratchStore, settings: Settings
    ) -> None:
        self.plan, self.store, self.settings = plan, store, settings
        self.sorts = sorts_of(plan)
        self.left = [s for s in plan.stages if not session.store.is_done(*s.key)]
        self.model, self.pretrainings = model_of(plan, session.store, session.device)

    def run(self, limit_s: float, progress: Progress) -> dict[str, Timing]:
        trained = self.first_of("pretrain")
        evaluations = self.in_turns(self.first_of("evaluate"))
        number = len(trained) + len(evaluations)
        each_s = min(MOST_S, max(LEAST_S, limit_s / max(1, number)))
        timings: dict[str, Timing] = {}
        for stage in [s for s in trained if self.arm_of(s).kind.is_trained][:1]:
            self.make_checkpoint(stage)  # the first time is that of imports, too
            self.store.remove(*stage.key)
        clock = Clock(self.settings.device)
        end = clock() + limit_s
        for done, stage in enumerate((*trained, *evaluations)):
            progress(done, number, stage.label)
            if stage.kind == "evaluate" and clock() > end:
                break
            try:
                is_trained = stage.kind == "pretrain"
                timing = (self.pretrain if is_trained else self.evaluate)(stage, each_s)
            except MaeBenchError:
                continue  # as the run will say, too
            timings[self.sorts[stage.key]] = timing
        return timings

    def first_of(self, kind: str) -> list[Stage]:
        """Return the first stage of each sort of a kind."""
        first: dict[str, Stage] = {}
        for stage in self.left:
            if stage.kind == kind:
                first.setdefault(self.sorts[stage.key], stage)
        return list(first.values())

    def in_turns(self, stages: Sequence[Stage]) -> list[Stage]:
        """Return evaluations so that a short time still sees every protocol."""
        seen: dict[str, int] = {}
        turns = []
        for stage in stages:
            group = group_of(stage)
            seen[group] = seen.get(group, 0) + 1
            turns.append(seen[group])
        order = sorted(range(len(turns)), key=lambda place: turns[place])
        return [stages[place] for place in order]

    def pretrain(self, stage: Stage, stop_s: float) -> Timing:
        self.make_needs(stage)
        modelled = self.pretrainings[stage.id]
        steps = sample_pretraining(
            stage, self.arm_of(stage), self.store, self.settings, stop_s, modelled.steps
        )
        spec = stage.spec
        assert isinstance(spec, PretrainSpec)
        tokens = spec.recipe.batch_rows * self.plan.study.corpus.row_length
        return Timing(
            group="pretrain",
            label=stage.label,
            fixed_s=steps.fixed_s,
            step_s=steps.step_s,
            modelled_s=modelled.seconds if modelled.steps else 0.0,  # else it is no step's
            tokens_per_s=tokens / steps.step_s if steps.step_s else 0.0,
        )

    def evaluate(self, stage: Stage, stop_s: float) -> Timing:
        from mae_bench.protocols.base import PROTOCOLS

        self.make_needs(stage)
        spec = stage.spec
        assert isinstance(spec, EvaluateSpec)
        recipe = PROTOCOLS.get(spec.protocol).recipe.model_validate(spec.recipe)
        given, tried = 1.0, 1.0
        if isinstance(recipe, FinetuneRecipe):
            given, tried = len(set(recipe.learning_rates)), expected_rates(recipe)
        read_ratio = self.model.work(stage).read_ratio
        seconds = sample_evaluation(
            stage, self.store, self.settings, stop_s, tried / given, read_ratio
        )
        return Timing(
            group=group_of(stage),
            label=stage.label,
            fixed_s=seconds,
            modelled_s=self.model.evaluation_s(stage),
        )

    def make_needs(self, stage: Stage) -> None:
        """Make the checkpoints that a stage reads, barely trained where there are none."""
        for need in stage.needs:
            if need[0] == "pretrain" and not self.store.is_done(*need):
                self.make_checkpoint(self.plan.by_key[need])

    def make_checkpoint(self, stage: Stage) -> None:
        self.make_needs(stage)
        barely_trained(stage, self.arm_of(stage), self.store, self.settings)

    def arm_of(self, stage: Stage) -> ResolvedArm:
        return self.plan.pretrained[stage.id]


def start_seconds() -> float:
    """Return the seconds in which a process imports what a worker needs; CPU's where known."""
    before, start = os.times(), time.perf_counter()
    subprocess.run([sys.executable, "-P", "-c", _IMPORTS], check=True, capture_output=True)
    after, wall = os.times(), time.perf_counter() - start
    used = after.children_user + after.children_system
    return used - before.children_user - before.children_system or wall


def crowded(device: str) -> float:
    """Return the times that matrix products take when every core computes some; 1 on a GPU.

    Cores share memory and clock, two of them perhaps one core of the hardware. In seconds of CPU.
    """
    if device != "cpu" or num_cores() == 1:
        return 1.0
    (alone,) = _products(1)
    together = _products(num_cores())
    return max(1.0, alone * len(together) / sum(together))


def _products(number: int) -> list[float]:
    """Return products a second of so many processes at once."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-P", "-c", _PRODUCTS],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for _ in range(number)
    ]
    return [float(process.communicate()[0]) for process in processes]
