"""Slurm: submitit's own stand-in for a cluster runs the jobs; one is preempted and requeued."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from command_line import LIMIT_S
from tiny_study import CLOCKS, STUDY, at_work, log

from mae_bench.errors import SpecError
from mae_bench.planning.study import study_of
from mae_bench.planning.yaml_text import read_yaml
from mae_bench.runner.executors import make_executor
from mae_bench.runner.session import Session
from mae_bench.tuning.api import run_study

pytest.importorskip("submitit", reason="the extra mae-bench[slurm] is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.executors]
STAGES = study_of(read_yaml(STUDY, "tiny"))


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def preempt(home, running):
    """Send what Slurm sends before it ends a job, while one of its workers pretrains."""
    while not running.done():
        for pid in at_work(home, "pretrain"):
            try:
                job = parent(pid)  # the task that submitit started; the worker is its child
                os.kill(pid, signal.SIGUSR2)  # Slurm tells every process of a job
                os.kill(job, signal.SIGUSR2)
            except (OSError, ProcessLookupError):
                continue
            return job
    raise AssertionError(f"it ended before that: {running.exception() or 'well'}")


def test_jobs_of_submitit_give_the_same_rows_also_where_one_is_preempted(tmp_path):
    home, heard = tmp_path / "jobs", []
    executor = make_executor("slurm", {"cluster": "local", "timeout_min": 60})
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(
            run_study,
            STAGES,
            home=home,
            device="cpu",
            workers=2,
            executor=executor,
            emit=heard.append,
        )
        preempt(home, running)
        theirs = running.result(LIMIT_S)
    ours = run_study(STAGES, home=tmp_path / "local", device="cpu")
    assert ours["failure"].isna().all()
    assert theirs.drop(columns=CLOCKS).equals(ours.drop(columns=CLOCKS))
    done = [(line["kind"], line["id"]) for line in log(home) if line["what"] == "done"]
    plan = Session(STAGES, home=home, device="cpu").plan
    assert sorted(done) == sorted(stage.key for stage in plan.stages), "each once"
    assert {event.key for event in heard if event.what == "done"} == set(done)
    logs = [path.read_text() for path in (home / "jobs").glob("*_log.*")]
    assert sum("Requeued job" in text for text in logs) == 1


def test_what_submitit_does_not_take_is_one_sentence(tmp_path):
    for options, message in (
        ({"cluster": "nowhere"}, r"cannot send jobs to 'nowhere' \(.*run it where sbatch and srun"),
        ({"cluster": "local", "mem_gb": "much"}, r"cannot use mem_gb='much': Parameter"),
    ):
        with pytest.raises(SpecError, match=f"^executor 'slurm' {message}"):
            run_study(STAGES, home=tmp_path, workers=1, executor=make_executor("slurm", options))
