"""An interrupt that comes while a finaliser runs, where Python drops it, still ends the work."""

import subprocess
import sys

import pytest
from command_line import LIMIT_S

MAIN = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in jobs of a background
from mae_bench.cli.interrupts import interruptible

class Finalised:
    def __del__(self):
        signal.raise_signal(signal.{name})

with interruptible():
    Finalised()
    time.sleep(60)
"""
SLOW = """
import threading, time
start = threading.Thread.start

def slow(thread):
    start(thread)
    time.sleep(0.3)

threading.Thread.start = slow
"""
WORKER = """
import signal, time
from mae_bench.runner.executors import local

class Finalised:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)

def work(order, events, number):
    Finalised()
    time.sleep(60)

local._work_and_emit = work
local._main(None, None, 0)
"""
OTHER = """
from mae_bench.runner.interrupts import repeat_dropped_interrupts

class Finalised:
    def __del__(self):
        raise ValueError("of its own")

repeat_dropped_interrupts()
Finalised()
"""


def run(script):
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("before", ["", SLOW], ids=["", "threads start slowly"])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_verb_ends_with_its_word(name, before):
    _, err = run(before + MAIN.format(name=name))
    assert err.splitlines()[0] == "interrupted; run the same command again to resume"
    assert "ignored" not in err and "__del__" not in err


def test_a_worker_ends():
    code, err = run(WORKER)
    assert code != 0 and err == ""


def test_another_exception_of_a_finaliser_is_shown():
    code, err = run(OTHER)
    assert code == 0 and "ValueError: of its own" in err
