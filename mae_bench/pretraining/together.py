"""Pretrains seeds of one arm as one program; each ends as it would alone, but for rounding.

Seeds that go on from saved states are grouped by the step they stand at. Where memory does not
suffice for a group, its halves are trained one after the other, each from what it last saved.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from mae_bench.data.blocks import load_blocks
from mae_bench.pretraining.checkpoint import saved_step
from mae_bench.pretraining.compiling import make_stepper
from mae_bench.pretraining.external import fitted_teacher
from mae_bench.pretraining.pretrain import pretrain, train
from mae_bench.pretraining.run import Folders, Run
from mae_bench.pretraining.seeds_step import SeedBatches, SeedsStep, TooManySeedsError
from mae_bench.progress import Progress
from mae_bench.specs import PretrainSpec

NO_MEMORY = "there was no memory for all seeds at once"
UNTAUGHT = "in some batches no text is long enough to hide a token"


@dataclass(frozen=True)
class Seed:
    """One of the seeds: what to do, where, and what hears of its progress."""

    spec: PretrainSpec
    folders: Folders
    progress: Progress


def pretrain_together(seeds: Sequence[Seed], *, device: str, compile_by: str = "off") -> None:
    """Pretrain seeds of one arm, which `why_not_batched` does not refuse; write each result.

    Args:
        seeds: that differ in nothing but the seed and what belongs to it, as its teacher.
        device: ``cpu`` or ``cuda``.
        compile_by: how steps are run, as in `make_stepper`.

    Raises:
        DivergedError: the loss of a seed became non-finite.
        DataError: fewer rows than a batch.
    """
    by_step: dict[int, list[Seed]] = {}
    for seed in seeds:
        by_step.setdefault(saved_step(seed.folders.state), []).append(seed)
    for group in by_step.values():
        if len(group) == 1:
            why = "it went on from another step than the other seeds"
            _one_by_one(group, device, compile_by, why)
            continue
        # what it has held is let go of when it returns
        why = _train(group, device, compile_by)
        if why and device.startswith("cuda"):
            torch.cuda.empty_cache()
        if why == NO_MEMORY:
            half = len(group) // 2
            for part in (group[:half], group[half:]):
                if len(part) > 1:
                    pretrain_together(part, device=device, compile_by=compile_by)
                else:
                    _one_by_one(part, device, compile_by, why)
        elif why:
            _one_by_one(group, device, compile_by, why)


def _train(seeds: Sequence[Seed], device: str, compile_by: str) -> str:
    """Train seeds that stand at one step; return why they were not, empty where they were."""
    try:
        runs = [_open(seed, device) for seed in seeds]
        batches = _batches(runs, device)
        if not batches.are_all_taught(range(runs[0].steps or 0)):
            return UNTAUGHT
        step = SeedsStep(runs, batches)
        step.restore()

        def progress(done: float, total: float, note: str = "") -> None:
            for seed in seeds:
                seed.progress(done, total, note)

        train(runs, step, make_stepper(step, compile_by), step.save, progress)
    except (TooManySeedsError, torch.OutOfMemoryError):
        return NO_MEMORY
    for run in runs:
        run.num_together = len(runs)
        run.write()
    return ""


def _open(seed: Seed, device: str) -> Run:
    folders = seed.folders
    with fitted_teacher(folders.teacher, folders.tokenizer, folders.work) as teacher:
        return Run(seed.spec, load_blocks(folders.blocks), folders, teacher, device)


def _batches(runs: Sequence[Run], device: str) -> SeedBatches:
    data = runs[0].data
    least = runs[0].requires.least_tokens(data.row_length)
    return SeedBatches(data, [run.order for run in runs], device, least)


def _one_by_one(seeds: Sequence[Seed], device: str, compile_by: str, why: str) -> None:
    for seed in seeds:
        pretrain(
            seed.spec,
            **vars(seed.folders),
            device=device,
            compile_by=compile_by,
            why_alone=why,
            progress=seed.progress,
        )
