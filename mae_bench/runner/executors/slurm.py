"""The executor of a Slurm cluster, through submitit: one array of jobs, each with its workers."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from mae_bench.errors import SpecError
from mae_bench.runner.executors.base import (
    EXECUTORS,
    Executor,
    WorkOrder,
    asked_workers,
)
from mae_bench.runner.executors.home_log import HomeLog
from mae_bench.runner.executors.local import run_crew
from mae_bench.runner.extras import require_package
from mae_bench.runner.work import Emit, Event, ignore_event
from mae_bench.store.store import Store

if TYPE_CHECKING:
    from submitit import AutoExecutor, Job
    from submitit.helpers import DelayedSubmission

FOLDER = "jobs"  # of the home: scripts and logs of the jobs
LOOK_S = 1.0  # between looks into the log of the home; sacct is asked once a minute at most
OWN = ("cluster", "workers_per_job", "max_num_timeout")
SHARED = ("timeout_min", "mem_gb", "cpus_per_task", "gpus_per_node")  # submitit's for any cluster


@EXECUTORS.register("slurm")
class SlurmExecutor(Executor):
    """One array of Slurm jobs, sent by submitit, requeued when preempted; `mae-bench[slurm]`."""

    name = "slurm"
    options: ClassVar[Mapping[str, str]] = {
        "timeout_min": "minutes of a job, which is requeued at their end; default: 240",
        "partition": "Slurm's",
        "account": "Slurm's",
        "qos": "Slurm's",
        "constraint": "Slurm's",
        "exclude": "nodes, Slurm's",
        "gres": "Slurm's",
        "mem_gb": "memory of a job",
        "cpus_per_task": "cores of a job; default: one a worker",
        "gpus_per_node": "cards of a job; default: one a worker with --device cuda",
        "workers_per_job": "workers that share the cards of a job; default: gpus_per_node, else 1",
        "setup": "shell commands before the job, a list",
        "signal_delay_s": "seconds between Slurm's notice and the end of a job; default: 90",
        "array_parallelism": "jobs that run at a time",
        "additional_parameters": "others of sbatch, a mapping",
        "max_num_timeout": "times that a job is requeued at the end of its minutes; default: 1000",
        "cluster": "slurm, or local to try it without one; default: slurm",
    }
    is_elsewhere = True

    def __init__(self, **options: object) -> None:
        """Check that submitit is installed; nothing is sent yet.

        Raises:
            SpecError: it is not, or a number of workers is below 1.
        """
        require_package("submitit", "executor 'slurm'", "slurm")
        self.given = options
        self.gpus = _count("gpus_per_node", options.get("gpus_per_node", 0), least=0)
        self.workers_per_job = _count(
            "workers_per_job", options.get("workers_per_job", self.gpus or 1), least=1
        )

    @classmethod
    def made_of(cls, options: Mapping[str, object]) -> Self:
        """Return an executor with options by name."""
        return cls(**options)

    def choose_workers(self, asked: int | None, device: str, num_stages: int) -> int:
        """Return the number asked for.

        Raises:
            SpecError: none was.
        """
        return asked_workers(self.name, asked)

    def choose_device(self, asked: str) -> str:
        """Return ``cuda`` where it, or cards for the jobs, were asked for."""
        has_cards = self.gpus or "gres" in self.given
        return "cuda" if asked == "cuda" or (asked == "auto" and has_cards) else "cpu"

    def execute(self, order: WorkOrder, emit: Emit) -> None:
        """Bring every stage to an end.

        Raises:
            SpecError: there is no Slurm here, or it does not take an option.
            KeyboardInterrupt: after the jobs were cancelled.
        """
        sender = self.sender(order)
        log = HomeLog(Store(order.home), order.stages)
        jobs = sender.submit_array(
            [SlurmJob(replace(order, num_workers=num)) for num in self.sizes(order.num_workers)]
        )
        names = f"{jobs[0].job_id} to {jobs[-1].job_id}" if len(jobs) > 1 else jobs[0].job_id
        logs = order.home / FOLDER
        emit(Event("message", ("slurm", ""), "slurm", note=f"sent jobs {names}; logs in {logs}"))
        try:
            _wait(jobs, log, emit)
        except BaseException:
            for job in jobs:
                job.cancel(check=False)
            raise

    def sizes(self, num_workers: int) -> list[int]:
        """Return the number of workers in each job."""
        whole, rest = divmod(num_workers, self.workers_per_job)
        return [self.workers_per_job] * whole + ([rest] if rest else [])

    def sender(self, order: WorkOrder) -> "AutoExecutor":
        """Return submitit's executor.

        Raises:
            SpecError: there is no Slurm here, or it does not take an option.
        """
        import submitit

        cluster = str(self.given.get("cluster", "slurm"))
        folder = Path(order.home, FOLDER)
        try:
            timeouts = {"slurm_max_num_timeout": self.given.get("max_num_timeout", 1000)}
            sender = submitit.AutoExecutor(folder, cluster=cluster, **timeouts)
        except (RuntimeError, ValueError) as error:
            raise SpecError(
                f"executor 'slurm' cannot send jobs to '{cluster}' ({error}); run it where sbatch "
                "and srun are, or use another --executor"
            ) from error
        size = min(self.workers_per_job, order.num_workers)
        asked: dict[str, object] = {"timeout_min": 240, "name": "mae-bench", "cpus_per_task": size}
        if order.settings.device == "cuda" and "gres" not in self.given:
            asked["gpus_per_node"] = size
        asked |= {
            name if name in SHARED else f"slurm_{name}": value
            for name, value in self.given.items()
            if name not in OWN
        }
        for name, value in asked.items():
            try:
                sender.update_parameters(**{name: value})
            except (NameError, AssertionError, ValueError, TypeError) as error:
                why = str(error).strip().partition("\n")[0]
                option = name.removeprefix("slurm_")
                raise SpecError(f"executor 'slurm' cannot use {option}={value!r}: {why}") from error
        return sender


@dataclass(frozen=True)
class SlurmJob:
    """What one job does, and does again from where it was when it is requeued."""

    order: WorkOrder

    def __call__(self) -> None:
        """Run the workers of this job until every stage came to its end."""
        run_crew(self.order, ignore_event)

    def checkpoint(self) -> "DelayedSubmission":
        """Return what the requeued job calls; all that is done stands in the home."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def _wait(jobs: "list[Job[None]]", log: HomeLog, emit: Emit) -> None:
    """Wait for the jobs, with the events of their stages; one that waits in vain is cancelled."""
    left = list(jobs)
    while left:
        ended = [job for job in left if job.done()]
        for event in log.events():
            emit(event)
        for job in ended:
            left.remove(job)
            if (error := job.exception()) is not None:
                last = str(error).strip().splitlines()[-1]
                note = f"job {job.job_id} ended early: {last}; its log is {job.paths.stderr}"
                emit(Event("message", ("slurm", job.job_id), "slurm", note=note))
                continue
            for other in left:  # a job that ends well has seen the end of every stage
                if other.state == "PENDING":
                    other.cancel(check=False)
        if left:
            time.sleep(LOOK_S)


def _count(name: str, value: object, least: int) -> int:
    if not isinstance(value, int) or value < least:
        raise SpecError(
            f"executor 'slurm': {name} must be a whole number from {least}, got {value!r}"
        )
    return value
