"""What workers tell reaches the parent, whatever becomes of one of them."""

import multiprocessing
import os
import signal
import struct

from mae_bench.runner.execute import _Member, _told


def _speak_and_die(events):
    events.send("whole")
    os.write(events.fileno(), struct.pack("!i", 100) + b"cut short")
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_killed_in_the_middle_of_a_message_ends_its_own_pipe_alone():
    context = multiprocessing.get_context("spawn")
    events, told = context.Pipe(duplex=False)
    others, still = context.Pipe(duplex=False)
    process = context.Process(target=_speak_and_die, args=(told,))
    process.start()
    told.close()
    events.poll(60)
    assert list(_told(_Member(process, events))) == ["whole"]
    assert process.exitcode == -signal.SIGKILL
    still.send("alive")
    assert list(_told(_Member(process, others))) == ["alive"]
