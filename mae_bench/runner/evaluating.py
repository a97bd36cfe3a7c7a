"""Runs evaluations: one, or seeds of one whose trainings are one program."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mae_bench.runner.devices import seeds_at_once
from mae_bench.specs import EvaluateSpec
from mae_bench.user_paths import user_path

if TYPE_CHECKING:
    from mae_bench.runner.stages import Job


def evaluate_stage(job: "Job") -> None:
    """Run one evaluation."""
    from mae_bench.protocols.base import PROTOCOLS, evaluate

    spec, settings = job.stage.spec, job.settings
    assert isinstance(spec, EvaluateSpec)
    if (
        PROTOCOLS.get(spec.protocol).run_together is not None
        and seeds_at_once(settings.batch_seeds, settings.device) > 1
    ):
        evaluate_seeds([job])
        return
    learned: dict[str, Path] = {}
    if spec.task is not None and job.needs("blocks"):  # a floor that learns from the corpus
        learned = {"corpus": job.need("blocks"), "tokenizer": job.need("tokenizer")}
    evaluate(
        spec,
        checkpoint=_checkpoint(job, spec),
        task=job.need("blocks" if spec.task is None else "task"),
        out=job.out,
        device=settings.device,
        progress=job.progress,
        error_tables=_error_tables(job, spec),
        learned=learned,
        compile_by=settings.compile_by,
    )


def evaluate_seeds(jobs: Sequence["Job"]) -> None:
    """Run evaluations that differ in nothing but the seed, what each of them trains together."""
    from mae_bench.protocols.base import Evaluation, evaluate_together, read_task

    evaluations = []
    for job in jobs:
        spec = job.stage.spec
        assert isinstance(spec, EvaluateSpec)
        task = read_task(job.need("task"), _error_tables(job, spec))
        checkpoint = _checkpoint(job, spec)
        assert checkpoint is not None  # what trains together starts from one
        evaluations.append(Evaluation(spec, checkpoint, task, job.out, job.progress))
    settings = jobs[0].settings
    evaluate_together(evaluations, device=settings.device, compile_by=settings.compile_by)


def _error_tables(job: "Job", spec: EvaluateSpec) -> dict[str, Path]:
    return {name: job.store.path("error_table", id_) for name, id_ in spec.error_tables.items()}


def _checkpoint(job: "Job", spec: EvaluateSpec) -> Path | None:
    """Return the encoder to evaluate: of a pretraining, of the Hub, or in its own folder."""
    from mae_bench.planning.heads import head_of_run
    from mae_bench.protocols.outside_encoder import FILE, OtherFilesError, require_files
    from mae_bench.results import read_json

    if spec.folder is not None:
        folder = user_path(spec.folder)
        files: str = read_json(job.need("encoder") / FILE)["files"]
        require_files(folder, files)
        if spec.head_files not in (None, head_of_run(folder).files):
            raise OtherFilesError(folder)
        return folder
    return next(iter(job.needs("pretrain") or job.needs("teacher")), None)
