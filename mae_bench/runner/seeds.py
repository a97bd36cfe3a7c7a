"""Runs seeds of one stage as one program, each under its own lease, into its own artefact."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from mae_bench.planning.machine import this_machine
from mae_bench.planning.stage import Stage
from mae_bench.progress import Progress
from mae_bench.runner.evaluating import evaluate_seeds
from mae_bench.runner.network import closed_network
from mae_bench.runner.stages import Job, Settings, about_stage, pretraining_folders
from mae_bench.specs import PretrainSpec
from mae_bench.store.store import Store


def run_seeds(
    stages: Sequence[Stage],
    store: Store,
    settings: Settings,
    progress_of: Callable[[Stage], Progress],
) -> float:
    """Run pretrainings, or fine-tunes, whose needs are there; return each one's share of seconds.

    Only the holder of all their leases may call it. Either all of them end, or none does: an
    error leaves the running states of pretrainings, from which each goes on alone.
    """
    import torch

    abouts = [about_stage(stage) for stage in stages]
    start = time.monotonic()
    torch.set_num_threads(settings.num_threads)
    with ExitStack() as built:
        jobs = []
        for stage, about in zip(stages, abouts, strict=True):
            out = built.enter_context(store.build(stage.kind, stage.id, about))
            jobs.append(Job(stage, store, settings, out, progress_of(stage)))
        with closed_network(f"{stages[0].label} and {len(stages) - 1} further seeds"):
            if stages[0].kind == "pretrain":
                _pretrain_seeds(jobs, settings)
            else:
                evaluate_seeds(jobs)
        share = (time.monotonic() - start) / len(stages)
        for about in abouts:
            about["seconds"] = round(share, 3)
            about["machine"] = this_machine(settings.device, settings.num_threads).key
    return share


def _pretrain_seeds(jobs: Sequence[Job], settings: Settings) -> None:
    from mae_bench.pretraining.together import Seed, pretrain_together

    seeds = []
    for job in jobs:
        assert isinstance(job.stage.spec, PretrainSpec)
        seeds.append(Seed(job.stage.spec, pretraining_folders(job), job.progress))
    pretrain_together(seeds, device=settings.device, compile_by=settings.compile_by)


def why_no_group(stage: Stage) -> str:
    """Return why a pretraining for which there was no other seed runs alone."""
    from mae_bench.pretraining.batchable import why_not_batched

    assert isinstance(stage.spec, PretrainSpec)
    return why_not_batched(stage.spec) or "no other seed of it was ready and free"
