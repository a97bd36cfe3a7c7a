"""Several workers and several processes share a home: nothing is done twice, nothing lost."""

import os
import signal

from command_line import start
from tiny_study import NUM_STAGES, log, rows, stand_still, stop_at_work, wait


def done(home):
    return [(line["kind"], line["id"]) for line in log(home) if line["what"] == "done"]


def test_two_processes_at_once_do_each_stage_once(finished, study, new_home):
    first = start("run", study, "--home", new_home, "--workers", 1)
    wait(lambda: (new_home / "log.jsonl").exists(), first)
    stand_still(new_home, first)  # or it may have done all before the other has started
    second = start("run", study, "--home", new_home, "--workers", 1)

    def has_begun():
        for path in (new_home / "leases").glob("*.json"):
            path.touch()  # the heartbeat of the one that stands still
        return second.pid in {line["pid"] for line in log(new_home)}

    wait(has_begun, second, every_s=0.1)
    first.send_signal(signal.SIGCONT)
    for process in (first, second):
        code, _, err = process.finish()
        assert code == 0, err
    assert len(done(new_home)) == len(set(done(new_home))) == NUM_STAGES
    assert len({line["pid"] for line in log(new_home)}) == 2
    assert rows(new_home).equals(rows(finished[1]))


def test_a_killed_worker_costs_its_stage_alone(study, home):
    process = start("run", study, "--home", home, "--workers", 2)
    os.kill(stop_at_work(home, "pretrain", process), signal.SIGKILL)
    code, _, err = process.finish()
    assert code == 1, err
    assert "its worker process ended with code -9" in err
    table = rows(home)
    lost = table[table["failure"].notna()]
    assert 0 < len(lost) < len(table) / 2
    assert lost["failure"].str.startswith("pretraining failed: its worker process").all()
    assert len(done(home)) == len(set(done(home)))
