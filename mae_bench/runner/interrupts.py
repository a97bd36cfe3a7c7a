"""Signals that end a worker, also where Python drops the interrupt.

One that is raised inside a finaliser only prints a traceback.
"""

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

INTERRUPTED = 130  # exit code of a worker that was told to end, by its parent or a cluster
AGAIN_S = 0.01  # by then the finaliser is over


def interrupt(number: int, frame: object) -> None:
    """Handle a signal as Ctrl-C, so that leases are given back."""
    raise KeyboardInterrupt


def repeat_dropped_interrupts() -> None:
    """Raise an interrupt again, by SIGTERM, where a ``__del__`` or a callback swallowed it.

    Libraries have finalisers in Python, and a signal may come while one runs. For a process whose
    SIGTERM raises KeyboardInterrupt.
    """
    show = sys.unraisablehook

    def hook(unraisable: "UnraisableHookArgs") -> None:
        if unraisable.exc_type is not KeyboardInterrupt:
            show(unraisable)
            return
        timer = threading.Timer(AGAIN_S, _interrupt_again)
        timer.daemon = True
        timer.start()

    sys.unraisablehook = hook


def _interrupt_again() -> None:
    if callable(signal.getsignal(signal.SIGTERM)):  # else the work has ended meanwhile
        os.kill(os.getpid(), signal.SIGTERM)  # to the process: a sleep of the main thread ends
