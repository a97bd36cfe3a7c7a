"""A study so small that all of it runs in seconds, and ways to run it in another process."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

from filelock import FileLock, Timeout

from mae_bench.results import load_rows

STUDY = """\
name: tiny
backbone: {num_layers: 1, hidden_size: 32, num_heads: 2, max_length: 32}
corpus: {sources: [world], tokens: 10_000, tokenizer: {vocab_size: 400}, row_length: 32}
pretrain: {budget: {steps: 40}, batch_rows: 8}
objectives: [mlm, {distill: {teacher: mlm}}]
tasks: [world/topic]
train_sizes: [20]
noise: [clean, {typos: 0.1}]
seeds: 2
finetune: {learning_rates: [1e-3], epochs: 1, min_steps: 2, max_length: 32}
"""
LIMIT_S = 3600  # against a hang alone: a busy machine may take many times as long as an idle one
NUM_STAGES = 3 + 2 * (2 + 3 + 3)  # prepared; a seed's floors, pretrainings and fine-tunes
CLOCKS = ["pretrain_s", "evaluate_s"]


def start(*arguments):
    """Start the command line in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "mae_bench", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "MAE_BENCH_HOME": "/dev/null/unused"},
        preexec_fn=_hear_interrupts,
    )


def _hear_interrupts():
    """Undo what a shell does to its background jobs, whose children would ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def finish(process):
    """Wait for a process; return its exit code, stdout and stderr."""
    out, err = process.communicate(timeout=LIMIT_S)
    return process.returncode, out, err


def call(*arguments):
    """Run the command line; return its exit code, stdout and stderr."""
    return finish(start(*arguments))


def rows(home, name="tiny"):
    """Return the rows without what the clock says."""
    return load_rows(home / "studies" / name).drop(columns=CLOCKS)


def log(home):
    """Return what ended in a home, in order."""
    return [json.loads(line) for line in (home / "log.jsonl").read_text().splitlines()]


def times(home):
    """Return when each file of each artefact was last written."""
    files = (home / "artefacts").rglob("*")
    return {str(path): path.stat().st_mtime_ns for path in files if path.is_file()}


def wait(until, process, every_s=0.005):
    """Return what ``until`` returns, once that is true; fail if a process ends before."""
    while True:
        is_over = process.poll() is not None  # asked first, so that the last state is looked at
        if result := until():
            return result
        if is_over:
            raise AssertionError(f"it ended before that: {process.communicate()}")
        time.sleep(every_s)


def at_work(home, kind):
    """Return the processes that work on stages of a kind."""
    process_ids = []
    for path in (home / "leases").glob(f"{kind}-*.json"):
        try:
            process_ids.append(json.loads(path.read_text())["pid"])
        except (OSError, ValueError):  # being written, or given back
            continue
    return process_ids


def stop_at_work(home, kind, process):
    """Return a process that stands still while it works on a stage of a kind.

    It was caught there whatever the machine's load: one that went on before it stood is let go.
    """
    while True:
        pid = wait(lambda: at_work(home, kind), process)[0]
        try:
            os.kill(pid, signal.SIGSTOP)
            wait(partial(is_still, pid), process)
            if pid in at_work(home, kind):
                return pid
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            continue


def stand_still(home, process):
    """Stop a process at a moment at which it holds no lock that others wait for."""
    while True:
        process.send_signal(signal.SIGSTOP)
        wait(partial(is_still, process.pid), process)
        try:
            with FileLock(home / "leases" / ".lock", timeout=0):
                return
        except Timeout:
            process.send_signal(signal.SIGCONT)


def is_still(pid):
    """Whether a process is stopped or gone."""
    return state_of(pid) in "TZ"


def state_of(pid):
    """Return the letter by which Linux tells a process' state; Z where it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
