"""What Ctrl-C, or a scheduler's SIGTERM, does to a verb that works."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from mae_bench.cli.show import say
from mae_bench.runner.interrupts import repeat_dropped_interrupts


@contextmanager
def interruptible() -> Iterator[None]:
    """End a run at Ctrl-C, or at the SIGTERM of a scheduler, with a word on how to go on."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before, show = signal.signal(signal.SIGTERM, interrupt), sys.unraisablehook
    repeat_dropped_interrupts()
    try:
        yield
    except KeyboardInterrupt:
        say("interrupted; run the same command again to resume")
        raise typer.Exit(130) from None
    finally:
        signal.signal(signal.SIGTERM, before)
        sys.unraisablehook = show
