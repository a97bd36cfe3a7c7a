"""Paths as users write them, where an unknown ``~name``, an empty or overlong path may occur."""

import os
from pathlib import Path

from mae_bench.errors import SpecError


def user_path(text: Path | str) -> Path:
    """Return a path with ``~`` replaced by the home folder of its user.

    Raises:
        SpecError: the system knows no such user.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise SpecError(
            f"'{text}' names the home folder of a user that this system does not know; write the "
            "whole path, or put ./ before a name that starts with '~'",
            str(text),
        ) from None


def is_folder(text: Path | str) -> bool:
    """Whether a text is the path of an existing folder; an empty text is not."""
    return bool(str(text).strip()) and os.path.isdir(user_path(text))  # noqa: PTH112


def is_there(path: Path) -> bool:
    """Whether a path exists; False for one that no system can hold, such as one that is too long.

    `Path.exists` raises for some of these.
    """
    return os.path.exists(path)  # noqa: PTH110
