"""A user's own text as documents: .txt, .jsonl and .parquet files, and folders of these."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mae_bench.data.sources import read_parquet
from mae_bench.errors import DataError

SUFFIXES = (".txt", ".jsonl", ".parquet")


def text_files(path: Path) -> list[Path]:
    """Return the files that a path stands for, sorted; a folder is searched to any depth.

    Raises:
        DataError: the file is of another kind, or the folder holds none of these kinds.
    """
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
        if not found:
            raise DataError(
                f"the folder '{path}' holds no text: no file ends in {', '.join(SUFFIXES)}"
            )
        return found
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(
            f"'{path}' cannot be read as a corpus: its ending is '{path.suffix}', "
            f"allowed are {', '.join(SUFFIXES)}"
        )
    return [path]


def read_documents(path: Path) -> Iterator[str]:
    """Yield the documents of one file.

    Plain text is cut at blank lines; JSON lines give their field ``text``, parquet its column
    ``text``.

    Raises:
        DataError: not UTF-8 (with the byte's offset), no field ``text``, or not text in it.
    """
    if path.suffix.lower() == ".txt":
        yield from re.split(r"\n[ \t]*\n", _decode(path).replace("\r\n", "\n"))
    elif path.suffix.lower() == ".jsonl":
        for number, line in enumerate(_decode(path).split("\n"), start=1):
            if line.strip():
                yield _json_text(path, number, line)
    else:
        table = read_parquet(path)
        if "text" not in table.column_names:
            raise DataError(
                f"{path} has no column 'text'; its columns are {', '.join(table.column_names)}"
            )
        for row, value in enumerate(table.column("text").to_pylist()):
            yield _checked(value, f"row {row} of {path}")


def _decode(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}; "
            "convert the file to UTF-8"
        ) from error


def _json_text(path: Path, number: int, line: str) -> str:
    try:
        value: Any = json.loads(line)
    except ValueError as error:
        raise DataError(f"line {number} of {path} is not JSON: {error}") from error
    if not isinstance(value, dict) or "text" not in value:
        got = ", ".join(value) if isinstance(value, dict) else type(value).__name__
        raise DataError(
            f"line {number} of {path} has no field 'text', got {got}; "
            "each line must be an object with the field 'text'"
        )
    return _checked(value["text"], f"line {number} of {path}")


def _checked(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise DataError(f"'text' in {where} must be text, got {value!r} ({type(value).__name__})")
    return value
