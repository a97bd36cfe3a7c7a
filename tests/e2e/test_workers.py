"""Several workers and several processes share a home: nothing is done twice, nothing lost."""

import os
import signal

from tiny_study import NUM_STAGES, finish, log, rows, start, wait_for_lease


def done(home):
    return [(line["kind"], line["id"]) for line in log(home) if line["what"] == "done"]


def test_two_processes_at_once_do_each_stage_once(finished, study, home):
    both = [start("run", study, "--home", home, "--workers", 1) for _ in range(2)]
    for process in both:
        code, _, err = finish(process)
        assert code == 0, err
    assert len(done(home)) == len(set(done(home))) == NUM_STAGES
    assert len({line["pid"] for line in log(home)}) == 2
    assert rows(home).equals(rows(finished[1]))


def test_a_killed_worker_costs_its_stage_alone(study, home):
    process = start("run", study, "--home", home, "--workers", 2)
    os.kill(wait_for_lease(home, "pretrain"), signal.SIGKILL)
    code, _, err = finish(process)
    assert code == 1, err
    assert "its worker process ended with code -9" in err
    table = rows(home)
    lost = table[table["failure"].notna()]
    assert 0 < len(lost) < len(table) / 2
    assert lost["failure"].str.startswith("pretraining failed: its worker process").all()
    assert len(done(home)) == len(set(done(home)))
