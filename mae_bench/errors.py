"""What mae-bench raises for input it cannot use.

Each message says what was wrong, the value got, what is allowed, and what to do.
The command line prints the message alone; a traceback means a bug in mae-bench.
"""

import difflib
from collections.abc import Iterable


class MaeBenchError(Exception):
    """Base of every error that a user can cause and fix."""


class SpecError(MaeBenchError):
    """A study, an option or a flag has a value that is not allowed.

    Attributes:
        got: the name or key that is wrong.
        key_path: the keys and positions that lead to the wrong value inside a study, from which
            a reader of the file finds its line.
    """

    def __init__(self, message: str, got: str = "", key_path: tuple[str | int, ...] = ()) -> None:
        """Keep the wrong name and the path of its key beside the message."""
        super().__init__(message)
        self.got = got
        self.key_path = key_path


class UnknownNameError(SpecError):
    """A name that no registry or study holds."""


class DuplicateNameError(MaeBenchError):
    """A second thing registered under a name already taken."""


class PluginError(MaeBenchError):
    """A part of another package that cannot be imported, or that fails at its work."""


class DataError(MaeBenchError):
    """A corpus or a task that is missing, unreadable, too small or inconsistent."""


class StoreError(MaeBenchError):
    """The home cannot be written, or an artefact in it is damaged."""


class DivergedError(MaeBenchError):
    """A training whose loss became non-finite; its cells become failure rows."""


class RankError(MaeBenchError):
    """Ranks of one training that cannot go on together, because one of them was lost."""


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says; its type's name where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def near_match(got: str, allowed: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest allowed name, or an empty string."""
    by_fold = {name.lower(): name for name in allowed}
    close = difflib.get_close_matches(got.lower(), by_fold, n=1, cutoff=0.55)
    stem = got.lower().partition(" ")[0]  # the objective in the label of an arm
    if stem in by_fold and not (close and close[0].startswith(stem)):
        close = [stem]
    return f" Did you mean '{by_fold[close[0]]}'?" if close else ""
