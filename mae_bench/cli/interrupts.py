"""What Ctrl-C, or a scheduler's SIGTERM, does to a verb that works."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from mae_bench.cli.show import say


@contextmanager
def interruptible() -> Iterator[None]:
    """End a run at Ctrl-C, or at the SIGTERM of a scheduler, with a word on how to go on."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        say("interrupted; run the same command again to resume")
        raise typer.Exit(130) from None
    finally:
        signal.signal(signal.SIGTERM, before)
