"""How long-running work reports its progress; the command line decides how to show it."""

from typing import Protocol


class Progress(Protocol):
    """Called now and then by anything that takes longer than a second."""

    def __call__(self, done: float, total: float, note: str = "") -> None:
        """Report that ``done`` of ``total`` units are done, with a short note."""


def silent(done: float, total: float, note: str = "") -> None:
    """Report nothing."""
