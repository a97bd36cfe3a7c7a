"""Content hashes of files of data, read from them or from a note that a home kept of them."""

import hashlib
from pathlib import Path

from mae_bench.data.listing import parquet_parts
from mae_bench.errors import DataError

NOTED = ".digests"  # in place of .parquet
_digests: dict[tuple[str, int, int], str] = {}


def file_digest(path: Path) -> str:
    """Return the content hash of a file, computed once per process for an unchanged file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        stat = path.stat()
        key = (str(path.resolve()), stat.st_size, stat.st_mtime_ns)
        if key not in _digests:
            with path.open("rb") as file:
                _digests[key] = hashlib.file_digest(
                    file, lambda: hashlib.blake2b(digest_size=16)
                ).hexdigest()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}); fix its permissions, or leave it out"
        ) from error
    return _digests[key]


def note_of(path: Path) -> Path:
    """Return where the digests of a split's file or folder are noted."""
    return path.with_suffix(NOTED)


def digests_of(path: Path) -> list[str]:
    """Return the digest of each file of a split, as they are or as they were noted.

    Raises:
        DataError: a file cannot be read, or a folder holds none.
    """
    if not path.exists() and note_of(path).exists():
        return note_of(path).read_text("utf-8").split()
    return [file_digest(file) if file.exists() else "absent" for file in parquet_parts(path)]
