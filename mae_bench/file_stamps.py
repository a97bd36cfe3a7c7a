"""Stamps of files, which change when a file is written, so that it need not be read again."""

from collections.abc import Sequence
from pathlib import Path

Stamp = tuple[tuple[str, int, int, int, int], ...]


def file_stamps(paths: Sequence[Path]) -> Stamp:
    """Return what changes whenever one of the files is written or replaced.

    Raises:
        OSError: a file is missing.
    """
    stamps = []
    for path in paths:
        stat = path.stat()
        times = stat.st_mtime_ns, stat.st_ctime_ns
        stamps.append((str(path.absolute()), stat.st_ino, stat.st_size, *times))
    return tuple(stamps)
