"""Runs one stage: reads the artefacts it needs, writes its own."""

import os
import time
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from mae_bench.planning.machine import this_machine
from mae_bench.planning.plugged import sources_of
from mae_bench.planning.stage import Key, Stage
from mae_bench.progress import Progress
from mae_bench.runner.cores import share_of_cores
from mae_bench.runner.evaluating import evaluate_stage
from mae_bench.runner.network import closed_network
from mae_bench.specs import CorpusSpec, PretrainSpec
from mae_bench.store.store import Store
from mae_bench.user_paths import user_path

if TYPE_CHECKING:
    from mae_bench.pretraining.run import Folders


@dataclass(frozen=True)
class Settings:
    """Where and how stages run; none of it is part of an id.

    Attributes:
        device: ``cpu``, ``cuda``, or ``cuda:i`` where several workers share the cards.
        data_dir: local data, or None.
        num_threads: of a stage. Another number adds in another order, which moves the last bits;
            so it does not depend on the number of workers, which use the other cores.
        compile_by: how training steps are run, as in `pretraining.compiling.make_stepper`.
        batch_seeds: how many seeds of an arm, and of a fine-tune with all of its learning rates,
            are trained as one program, or ``auto``.
        parallel: how the ranks that torchrun has started share a pretraining; None where this
            process trains alone.
    """

    device: str = "cpu"
    data_dir: Path | None = None
    num_threads: int = 1
    compile_by: str = "auto"
    batch_seeds: int | str = "auto"
    parallel: str | None = None

    def apply(self) -> None:
        """Set the thread counts of this process's libraries; best before they are imported."""
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = str(self.num_threads)
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

    def on(self, device: str) -> Self:
        """Return these settings on a device, which becomes the process's present card, too.

        What asks torch for ``cuda`` without a number then gets the same card.
        """
        if device.startswith("cuda:"):
            import torch

            torch.cuda.set_device(device)
            # torch warns that seeds are kept for every card; a worker has one, and few bytes of it
            warnings.filterwarnings("ignore", "CUDA reports that you have", UserWarning)
        return replace(self, device=device)


@dataclass(frozen=True)
class Job:
    """One stage at work: what it is, and where it reads, writes and reports.

    ``why_alone`` says of a pretraining why no other seed goes with it, where that was asked for.
    """

    stage: Stage
    store: Store
    settings: Settings
    out: Path
    progress: Progress
    why_alone: str = ""

    def need(self, kind: str) -> Path:
        """Return the folder of the first needed artefact of a kind."""
        return self.needs(kind)[0]

    def needs(self, kind: str) -> list[Path]:
        """Return the folders of the needed artefacts of a kind."""
        return [self.store.path(*key) for key in self.stage.needs if key[0] == kind]

    def encoder(self, id_: str | None, folder: str | None) -> Path | None:
        """Return an encoder's folder: of the needed stage with that id, else the one named."""
        if id_ is not None:
            return next(self.store.path(*key) for key in self.stage.needs if key[1] == id_)
        return user_path(folder) if folder is not None else None


def run_stage(
    stage: Stage, store: Store, settings: Settings, progress: Progress, why_alone: str = ""
) -> float:
    """Run a stage whose needs are all there; return the seconds it took.

    Only the holder of its lease may call it. ``why_alone`` as in `Job`.
    """
    about = about_stage(stage)
    start = time.monotonic()
    with store.build(stage.kind, stage.id, about) as out:
        is_open = stage.may_use_network
        # Closed for every stage but those of `prepare`: an id must name all that was read.
        with nullcontext() if is_open else closed_network(stage.label):
            if not is_open:
                import torch

                torch.set_num_threads(settings.num_threads)
            RUN[stage.kind](Job(stage, store, settings, out, progress, why_alone))
        about["seconds"] = round(time.monotonic() - start, 3)
        about["machine"] = this_machine(settings.device, settings.num_threads).key
    return time.monotonic() - start


def about_stage(stage: Stage) -> dict[str, object]:
    """Return what is stored beside a stage's result, for people."""
    about: dict[str, object] = {"stage": stage.label, "needs": [list(key) for key in stage.needs]}
    if stage.plugins:
        about["sources"] = sources_of(stage.plugins)
    return about


def _tokenizer(job: Job) -> None:
    from mae_bench.data.adopt_tokenizer import adopt_tokenizer
    from mae_bench.data.tokenizer import train_tokenizer

    assert isinstance(job.stage.spec, CorpusSpec)
    if (origin := job.stage.spec.tokenizer.origin) is not None:
        fetched = next(iter(job.needs("teacher")), None)
        adopt_tokenizer(fetched or user_path(origin), job.out)
        return
    train_tokenizer(job.stage.spec, job.out, job.settings.data_dir, job.progress)


def _blocks(job: Job) -> None:
    from mae_bench.data.blocks import build_blocks

    assert isinstance(job.stage.spec, CorpusSpec)
    data_dir, threads = job.settings.data_dir, share_of_cores(job.store.home / "leases")
    build_blocks(job.stage.spec, job.need("tokenizer"), job.out, data_dir, job.progress, threads)


def _ngrams(job: Job) -> None:
    from mae_bench.data.blocks import load_blocks
    from mae_bench.masking.ngrams import count_ngrams

    count_ngrams(load_blocks(job.need("blocks")).rows, job.out, job.progress)


def _task(job: Job) -> None:
    from mae_bench.errors import DataError
    from mae_bench.tasks import build_task, task_fingerprint
    from mae_bench.tasks.train_task import registered_task

    spec, data_dir = job.stage.spec, job.settings.data_dir
    assert isinstance(spec, dict)
    task = spec.get("definition") or registered_task(spec["task"])
    if "definition" in spec and task_fingerprint(task, data_dir) != spec["data"]:
        raise DataError(
            f"the files of task '{task.name}' have changed since the study was planned; run the "
            "command again"
        )
    build_task(task, job.out, data_dir, job.progress)


def _error_table(job: Job) -> None:
    from mae_bench.data.noises import build_table, noise_of

    assert isinstance(job.stage.spec, dict)
    table = noise_of(job.stage.spec["noise"]).table
    assert table is not None
    build_table(table, job.stage.spec["language"], job.out, job.settings.data_dir, job.progress)


def _teacher(job: Job) -> None:
    from mae_bench.data.encoders import fetch_encoder

    assert isinstance(job.stage.spec, dict)
    fetch_encoder(job.stage.spec["hub_id"], job.stage.spec["revision"], job.out)


def _encoder(job: Job) -> None:
    from mae_bench.protocols.outside_encoder import describe_encoder

    assert isinstance(job.stage.spec, dict)
    fetched = next(iter(job.needs("teacher")), None)
    describe_encoder(fetched or user_path(job.stage.spec["from"]), job.out)


def _pretrain(job: Job) -> None:
    from mae_bench.runner.training import Training

    assert isinstance(job.stage.spec, PretrainSpec)
    settings, folders = job.settings, pretraining_folders(job)
    how = settings.device, settings.compile_by, job.why_alone
    training = Training(job.stage.spec, folders, *how)
    if settings.parallel is None:
        training.run(job.progress)
        return
    from mae_bench.runner.rank_group import rank_group

    group = rank_group()
    group.tell((training, settings))
    group.train(training, settings.parallel, job.progress)


def pretraining_folders(job: Job) -> "Folders":
    """Return what a pretraining reads and writes."""
    from mae_bench.objectives.base import OBJECTIVES, parse_options
    from mae_bench.pretraining.run import Folders

    spec = job.stage.spec
    assert isinstance(spec, PretrainSpec)
    options = parse_options(spec.objective, spec.options)
    teacher = OBJECTIVES.get(spec.objective).requires(options).teacher
    return Folders(
        blocks=job.need("blocks"),
        tokenizer=job.need("tokenizer"),
        teacher=job.encoder(spec.teacher, teacher),
        ngrams=next(iter(job.needs("ngrams")), None),
        encoder=job.encoder(spec.encoder, spec.backbone.checkpoint),
        work=job.store.work(job.stage.kind, job.stage.id),
        out=job.out,
    )


RUN: dict[str, Callable[[Job], None]] = {  # a function for each of `STAGE_KINDS`
    "tokenizer": _tokenizer,
    "blocks": _blocks,
    "ngrams": _ngrams,
    "task": _task,
    "error_table": _error_table,
    "teacher": _teacher,
    "encoder": _encoder,
    "pretrain": _pretrain,
    "evaluate": evaluate_stage,
}

__all__ = ["RUN", "Job", "Key", "Settings", "run_stage"]
