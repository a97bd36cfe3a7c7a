"""Signals that end a worker, also where Python drops the interrupt.

One that is raised inside a finaliser only prints a traceback.
"""

import os
import signal
import sys
import threading
import time
from types import CodeType, FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

INTERRUPTED = 130  # exit code of a worker that was told to end, by its parent or a cluster
AGAIN_S = 0.01


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
        of = (hook.__code__, threading.get_ident())
        threading.Thread(target=_interrupt_again, args=of, daemon=True).start()

    sys.unraisablehook = hook


def _interrupt_again(hook: CodeType, thread: int) -> None:
    time.sleep(AGAIN_S)
    while _runs(hook, thread):  # there an interrupt is dropped, too, and a busy machine takes long
        time.sleep(AGAIN_S)
    if callable(signal.getsignal(signal.SIGTERM)):  # else the work has ended meanwhile
        os.kill(os.getpid(), signal.SIGTERM)  # to the process: a sleep of the main thread ends


def _runs(code: CodeType, thread: int) -> bool:
    """Whether a thread is inside a function."""
    frame: FrameType | None = sys._current_frames().get(thread)
    while frame is not None and frame.f_code is not code:
        frame = frame.f_back
    return frame is not None
