"""A lease has one holder, and outlives neither its process nor its heartbeat."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mae_bench.store.leases import acquire, held_by, holder

HOLD = """
import sys
from pathlib import Path
from mae_bench.store.leases import acquire
lease = acquire(Path(sys.argv[1]), "task", "a")
print("held" if lease else "refused", flush=True)
sys.stdin.read()
"""


def start_holder(folder):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,  # open until the test ends, and the holder waits for it
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().strip() == "held"
    return process


def age(path, seconds):
    """Let a file be as old as that; below 0, it is new however slow the test is."""
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_one_holder_until_it_is_given_back(tmp_path):
    lease = acquire(tmp_path, "task", "a")
    with lease:
        assert acquire(tmp_path, "task", "a") is None
        assert acquire(tmp_path, "task", "b") is not None
        assert holder(tmp_path, "task", "a")["pid"] == os.getpid()
    assert holder(tmp_path, "task", "a") is None
    assert acquire(tmp_path, "task", "a") is not None


def test_many_at_once_give_one_lease(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        got = list(pool.map(lambda _: acquire(tmp_path, "task", "a"), range(64)))
    assert sum(lease is not None for lease in got) == 1


def test_a_dead_process_loses_its_lease_at_once(tmp_path):
    process = start_holder(tmp_path)
    assert acquire(tmp_path, "task", "a") is None
    process.kill()
    process.wait()
    assert held_by(tmp_path, process.pid) == {("task", "a")}
    assert acquire(tmp_path, "task", "a") is not None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_zombie_counts_as_dead(tmp_path):
    process = start_holder(tmp_path)
    process.kill()
    stat = Path(f"/proc/{process.pid}/stat")
    while stat.read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
    assert acquire(tmp_path, "task", "a") is not None
    process.wait()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_process_number_used_again_is_not_its_holder(tmp_path):
    acquire(tmp_path, "task", "a")
    path = tmp_path / "task-a.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "born": "1"}))
    assert acquire(tmp_path, "task", "a") is not None


def test_another_machine_loses_its_lease_when_its_heartbeat_stops(tmp_path):
    acquire(tmp_path, "task", "a")
    path = tmp_path / "task-a.json"
    content = {**json.loads(path.read_text()), "host": "elsewhere", "pid": 1}
    path.write_text(json.dumps(content))
    age(path, -3600)
    assert acquire(tmp_path, "task", "a") is None
    age(path, 10_000)
    assert acquire(tmp_path, "task", "a") is not None


def test_a_lease_cut_short_by_a_kill_is_taken_over_later(tmp_path):
    path = tmp_path / "task-a.json"
    path.write_text("{")
    age(path, -3600)
    assert acquire(tmp_path, "task", "a") is None  # it may be being written
    age(path, 60)
    assert acquire(tmp_path, "task", "a") is not None


def test_giving_back_a_lost_lease_leaves_the_new_holders(tmp_path):
    first = acquire(tmp_path, "task", "a")
    with first:
        path = tmp_path / "task-a.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "token": "another"}))
    assert holder(tmp_path, "task", "a")["token"] == "another"
