"""A run that is killed goes on where it stopped and gives the same rows."""

import os
import random
import signal
import time

import pytest
from command_line import call, start
from tiny_study import NUM_STAGES, at_work, log, rows, state_of, stop_at_work, wait

from mae_bench.store.leases import holder

LONG = ["--set", "pretrain.budget.steps=1_000_000"]  # not over before a signal comes


@pytest.mark.parametrize("kinds", [["tokenizer", "pretrain", "evaluate"]])
def test_killed_at_random_moments_it_gives_the_same_rows(finished, study, new_home, kinds):
    chance = random.Random(0)
    for kind in kinds:
        process = start("run", study, "--home", new_home, "--workers", 1)
        assert stop_at_work(new_home, kind, process) == process.pid
        process.send_signal(signal.SIGCONT)
        time.sleep(chance.random() * 0.3)
        process.kill()
        process.finish()
    code, _, err = call("run", study, "--home", new_home, "--workers", 1)
    assert code == 0, err
    assert rows(new_home).equals(rows(finished[1]))
    done = [(line["kind"], line["id"]) for line in log(new_home) if line["what"] == "done"]
    assert len(done) - len(set(done)) == 0
    assert not list((new_home / "leases").glob("*.json"))
    assert not list((new_home / "artefacts" / ".building").glob("*"))
    assert not list((new_home / "work").glob("*/*"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_killed_again_and_again(finished, study, new_home, seed):
    chance = random.Random(seed)
    for _ in range(4):
        process = start("run", study, "--home", new_home, "--workers", 2)
        time.sleep(2 + chance.random() * 10)
        process.kill()
        process.finish()
    code, _, err = call("run", study, "--home", new_home, "--workers", 1)
    assert code == 0, err
    same = rows(new_home).set_index("cell_id").index
    assert set(same) == set(rows(finished[1])["cell_id"])


@pytest.mark.parametrize(("number", "workers"), [(signal.SIGTERM, 1), (signal.SIGINT, 2)])
def test_interrupted_it_ends_cleanly_and_says_how_to_go_on(study, home, workers, number):
    process = start("run", study, "--home", home, "--workers", workers, *LONG)
    wait(lambda: at_work(home, "pretrain"), process)
    process.send_signal(number)
    code, _, err = process.finish()
    assert code == 130
    assert err.splitlines()[-1] == "interrupted; run the same command again to resume"
    assert "Traceback" not in err
    for path in (home / "leases").glob("*.json"):  # one may be left, but its holder is dead
        assert holder(home / "leases", *path.stem.split("-")) is None
    assert not list((home / "artefacts" / ".building").glob("*"))
    assert len(log(home)) < NUM_STAGES


def test_workers_end_with_their_killed_parent(study, home):
    process = start("run", study, "--home", home, "--workers", 2, *LONG)
    worker = wait(lambda: at_work(home, "pretrain"), process)[0]
    assert worker != process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.finish()
    while state_of(worker) != "Z":
        time.sleep(0.05)
