"""The events of workers reach the parent, whatever becomes of one of them."""

import multiprocessing
import os
import signal
import struct
import time

import pytest
from command_line import LIMIT_S

from mae_bench.errors import StoreError
from mae_bench.planning.study import study_of
from mae_bench.runner import session
from mae_bench.runner.executors import WorkOrder, local
from mae_bench.runner.executors.local import _Crew, _Member, _received
from mae_bench.runner.session import Session
from mae_bench.runner.stages import Settings


def _speak_and_die(events):
    events.send("whole")
    os.write(events.fileno(), struct.pack("!i", 100) + b"cut short")
    os.kill(os.getpid(), signal.SIGKILL)


def _be_a_worker(order, events, number):
    """Worker 0 is killed in the middle of a message; the other speaks after that."""
    home = order.home
    if number == 0 and not (home / "killed").exists():
        (home / "killed").touch()
        _speak_and_die(events)
    while not (home / "killed").exists():
        time.sleep(0.01)
    events.send(f"worker {number} lives")


def _fail_and_emit(order, events, number):
    """Be a worker whose home is full; the parent ends it while it says so."""

    def fail(*arguments):
        try:
            raise StoreError("the home is full")
        except StoreError as error:
            events.send(error)
            return True

    local._work_and_emit = fail
    local._main(order, events, number)


def order(home, num_workers):
    return WorkOrder((), home, Settings(device="cpu", num_threads=1), num_workers)


def test_a_message_cut_short_ends_the_pipe_after_what_was_whole():
    context = multiprocessing.get_context("spawn")
    events, sender = context.Pipe(duplex=False)
    process = context.Process(target=_speak_and_die, args=(sender,))
    process.start()
    sender.close()
    assert events.poll(LIMIT_S)
    assert list(_received(_Member(process, events))) == ["whole"]
    process.join(LIMIT_S)  # the pipe may end before the process has
    assert process.exitcode == -signal.SIGKILL


def test_a_worker_killed_in_the_middle_of_a_message_silences_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "_main", _be_a_worker)
    heard = []
    _Crew(order(tmp_path, 2), heard.append).run()
    assert sorted(heard) == ["whole", "worker 0 lives", "worker 1 lives"]


def test_workers_that_are_ended_while_they_fail_print_nothing(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(local, "_main", _fail_and_emit)
    crew = _Crew(order(tmp_path, 3), print)
    with pytest.raises(StoreError, match="the home is full"):
        crew.run()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_the_number_of_workers_does_not_move_the_threads_of_a_stage(tmp_path, monkeypatch, workers):
    given = []
    monkeypatch.setattr(session, "run_order", lambda name, order, emit: given.append(order))
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    study = study_of({"name": "a", "objectives": ["mlm"], "tasks": ["world/topic"], "seeds": 1})
    asked = Session(study, home=tmp_path, device="cpu", workers=workers)
    asked.execute(asked.plan.stages)
    assert [(o.settings.num_threads, o.num_workers) for o in given] == [(1, workers)]
