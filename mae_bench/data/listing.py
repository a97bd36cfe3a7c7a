"""Which files of a folder are text: each once, whatever links lead to it, and what is left out."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mae_bench.errors import DataError

SUFFIXES = (".txt", ".jsonl", ".parquet")
COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
ALLOWED = f"{', '.join(SUFFIXES)}, each also with {', '.join(COMPRESSED)} behind it"
# written beside data by programs: skipped without a word, for no user looks for them
_MARKS = {".DS_Store", "Thumbs.db", "desktop.ini", "_SUCCESS", "_metadata", "_common_metadata"}
_MARK_FOLDERS = {".ipynb_checkpoints", "__MACOSX", "__pycache__", ".git"}


@dataclass(frozen=True)
class TextFile:
    """A file to read.

    Attributes:
        path: of the file.
        kind: how it is cut into documents, one of `SUFFIXES`.
        packed: how it is compressed, one of `COMPRESSED` or empty.
    """

    path: Path
    kind: str
    packed: str = ""


@dataclass(frozen=True)
class Listing:
    """The text files of a path, and what was left out.

    Attributes:
        files: sorted by path; a file that several links lead to stands here once.
        skipped: paths that were left out, each with the reason in brackets; marks of programs
            are not among them.
    """

    files: tuple[TextFile, ...]
    skipped: tuple[str, ...]


def list_texts(path: Path) -> Listing:
    """Return the text files of a path; a folder is searched to any depth, through links.

    A file's ending decides its kind. Inside a folder with such an ending, as Spark and Hadoop write
    them, a part without an ending has the folder's kind.

    Raises:
        DataError: the file is of another kind, the folder holds none of these kinds, or one
            cannot be looked into.
    """
    if not path.is_dir():
        file = _as_text(path, _kind_of_parts(path.parent))
        if file is None:
            raise DataError(
                f"'{path}' cannot be read as a corpus: its ending is '{path.suffix}', "
                f"allowed are {ALLOWED}"
            )
        if not path.is_file():
            raise DataError(
                f"'{path}' cannot be read as a corpus: it is neither a file nor "
                "a folder; name one of these"
            )
        return Listing((file,), ())
    files: list[TextFile] = []
    skipped: list[str] = []
    seen: set[str] = set()
    for entry, reason in sorted(_walk(path)):
        real = os.path.realpath(entry)
        if reason:
            skipped.append(f"{entry.relative_to(path)} ({reason})")
        elif text_file := _as_text(entry, _kind_of_parts(entry.parent)):
            if real not in seen:  # a link to a file that is read already would weigh it twice
                seen.add(real)
                files.append(text_file)
        else:
            skipped.append(f"{entry.relative_to(path)} (its ending)")
    if not files:
        tail = f"; left out: {shortened(skipped)}" if skipped else ""
        raise DataError(f"the folder '{path}' holds no text: no file ends in {ALLOWED}{tail}")
    return Listing(tuple(files), tuple(skipped))


def parquet_parts(path: Path) -> tuple[Path, ...]:
    """Return the files of a table: itself, or those of a folder that stands for it.

    Raises:
        DataError: the folder holds none.
    """
    if not path.is_dir():
        return (path,)
    parts = tuple(file.path for file in list_texts(path).files if file.kind == ".parquet")
    if not parts:
        raise DataError(f"the folder '{path}' stands for a table and holds no parquet file")
    return parts


def shortened(names: list[str] | tuple[str, ...], most: int = 5) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _walk(top: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file once for each name, sorted, with the reason where it is left out."""
    seen: set[str] = set()
    todo = [top]
    while todo:
        folder = todo.pop(0)
        real = os.path.realpath(folder)
        if real in seen:  # a second link, or a circle of links
            continue
        seen.add(real)
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208
        except OSError as error:
            raise DataError(
                f"the folder '{folder}' cannot be read ({error.strerror}); fix its "
                "permissions, or leave it out"
            ) from error
        for name in names:
            entry = folder / name
            reason = _reason_to_skip(entry)
            if reason is None:
                continue
            if not reason and entry.is_dir():
                todo.append(entry)
            else:
                yield entry, reason


def _reason_to_skip(entry: Path) -> str | None:
    """Return why a name is left out: "" if it is read, None if it need not be reported."""
    name = entry.name
    if name in _MARKS or name in _MARK_FOLDERS or name.endswith(".crc"):
        return None
    try:
        mode = entry.stat().st_mode
    except OSError:
        return "a link to nothing" if entry.is_symlink() else "it cannot be read"
    if name.startswith("."):
        return "hidden"
    if name == "_temporary":
        return "an unfinished result"
    if name.endswith("~") or (name.startswith("#") and name.endswith("#")):
        return "a backup"
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        return "no file"
    return ""


def _as_text(path: Path, kind_of_parts: str) -> TextFile | None:
    name = path.name.lower()
    packed = next((ending for ending in COMPRESSED if name.endswith(ending)), "")
    bare = name.removesuffix(packed)
    kind = next((ending for ending in SUFFIXES if bare.endswith(ending)), "")
    if not kind and bare.startswith("part-") and "." not in bare:
        kind = kind_of_parts
    return TextFile(path, kind, packed) if kind else None


def _kind_of_parts(folder: Path) -> str:
    """Return the kind that the ending of the nearest folder names; empty where none does."""
    for parent in (folder, *folder.parents):
        if parent.suffix.lower() in SUFFIXES:
            return parent.suffix.lower()
    return ""
