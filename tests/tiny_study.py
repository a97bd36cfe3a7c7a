"""A study so small that all of it runs in seconds, and ways to look at it while it runs."""

import json
import os
import signal
import time
from functools import partial

from filelock import FileLock, Timeout

from mae_bench.planning.yaml_text import read_yaml
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
SHORT = {"pretrain": {"budget": {"steps": 4}, "batch_rows": 8}, "noise": None, "seeds": 1}
PROBE = {"max_length": 32, "poolings": ["mean"], "inverse_penalties": [1.0]}
NUM_STAGES = 3 + 2 * (2 + 3 + 3)  # prepared; a seed's floors, pretrainings and fine-tunes
CLOCKS = ["pretrain_s", "evaluate_s"]


def short_study(**changes):
    """Return a shorter study as a mapping, with some keys changed; a key that is None is gone."""
    keys = read_yaml(STUDY, "tiny") | SHORT | changes
    return {key: value for key, value in keys.items() if value is not None}


def write_study(folder, **changes):
    """Write a shorter study with some keys changed; return the path."""
    path = folder / "tiny.yaml"
    path.write_text(json.dumps(short_study(**changes)), encoding="utf-8")  # it is YAML, too
    return path


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
        is_over = process.is_over()  # asked first, so that the last state is looked at
        if result := until():
            return result
        if is_over:
            raise AssertionError(f"it ended before that: {process.finish()}")
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
