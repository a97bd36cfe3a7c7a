"""A user's own text as documents: .txt, .jsonl and .parquet files, also compressed."""

import io
import json
import re
from collections.abc import Iterator
from typing import Any

from mae_bench.data.chunks import byte_chunks, cut_at_blank_lines, cut_at_line_ends, text_chunks
from mae_bench.data.listing import TextFile
from mae_bench.data.tables import stream_texts
from mae_bench.errors import DataError

FILES_VERSION = 2  # raise it where a file is cut into other documents
MAX_LOOK = 1_000_000  # bytes of a file that a plan reads to see whether there is text in it


def read_documents(file: TextFile) -> Iterator[str]:
    """Yield the documents of one file, which is read a chunk at a time.

    Plain text is cut at blank lines; JSON lines give their field ``text``, parquet its column
    ``text``.

    Raises:
        DataError: not UTF-8 (with line and offset), half of a character, no field ``text``, not
            text in it, or damaged.
    """
    if file.kind == ".parquet":
        content = unpacked(file) if file.packed else None
        for row, value in enumerate(stream_texts(file.path, "text", content)):
            yield checked_text(value, f"row {row} of {file.path}")
        return
    chunks = _with_plain_line_ends(text_chunks(file))
    if file.kind == ".txt":
        yield from cut_at_blank_lines(chunks)
        return
    for number, line in enumerate(cut_at_line_ends(chunks), start=1):
        if line.strip():
            yield _json_text(f"line {number} of {file.path}", line)


def may_hold_text(file: TextFile) -> bool:
    """Return False where a file is known to hold no text: nothing, blank lines, empty fields.

    A large file is not read, for a plan must stay quick. True also where a file is damaged: the
    error that says how is raised when its documents are read.
    """
    try:
        if file.path.stat().st_size > MAX_LOOK:
            return True
        return any(text.strip() for text in read_documents(file))
    except (OSError, DataError):
        return True


def decoded(file: TextFile) -> str:
    """Return the text of a file without its byte order mark.

    Raises:
        DataError: it cannot be read, or is not UTF-8; with line and offset.
    """
    return "".join(text_chunks(file))


def unpacked(file: TextFile) -> bytes:
    """Return the bytes of a file, decompressed.

    Raises:
        DataError: it cannot be read.
    """
    return b"".join(byte_chunks(file))


def _with_plain_line_ends(chunks: Iterator[str]) -> Iterator[str]:
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    for chunk in chunks:
        yield newlines.decode(chunk)
    yield newlines.decode("", final=True)


def _json_text(where: str, line: str) -> str:
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is not JSON: {error}") from error
    if not isinstance(value, dict) or "text" not in value:
        got = ", ".join(value) if isinstance(value, dict) else type(value).__name__
        raise DataError(
            f"{where} has no field 'text', got {got}; "
            "each line must be an object with the field 'text'"
        )
    return checked_text(value["text"], where)


def checked_text(value: object, where: str) -> str:
    """Return the value of a field ``text``.

    Raises:
        DataError: no text, or half of a character (a lone surrogate), which UTF-8 cannot hold.
    """
    if not isinstance(value, str):
        raise DataError(f"'text' in {where} must be text, got {value!r} ({type(value).__name__})")
    if half := re.search(r"[\ud800-\udfff]", value):
        raise DataError(
            f"'text' in {where} holds half of a character: {half[0]!r} at position {half.start()}, "
            "as cutting a text in UTF-16 leaves it; repair or drop that text"
        )
    return value
