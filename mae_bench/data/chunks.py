"""Files as chunks of bytes and of text, so that one larger than memory can be read."""

import bz2
import codecs
import gzip
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from mae_bench.data.listing import TextFile
from mae_bench.errors import DataError

CHUNK = 1 << 20  # bytes of a file, unpacked, that are held at once
_BOUNDARY = re.compile(r"\n\s*\n")  # blank lines between two documents


def byte_chunks(file: TextFile) -> Iterator[bytes]:
    """Yield the bytes of a file, decompressed.

    Raises:
        DataError: it cannot be read.
    """
    try:
        if file.packed and not file.path.stat().st_size:
            return  # some formats call this damaged and some empty
        with file.path.open("rb") as raw:
            stream = _UNPACK[file.packed](raw) if file.packed else raw
            while chunk := stream.read(CHUNK):
                yield bytes(chunk)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise DataError(
            f"{file.path} cannot be read{' as ' + file.packed if file.packed else ''} "
            f"({type(error).__name__}: {error}); replace the file"
        ) from error


def text_chunks(file: TextFile) -> Iterator[str]:
    """Yield the text of a file without its byte order mark; no chunk ends inside a character.

    Raises:
        DataError: it cannot be read, or is not UTF-8; with line and offset.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset = lines = 0  # of the bytes that are decoded
    head, is_first = b"", True
    for chunk, is_last in _with_last(byte_chunks(file)):
        head = head or chunk[:2]
        data = decoder.getstate()[0] + chunk
        try:
            text = decoder.decode(chunk, final=is_last)
        except UnicodeDecodeError as error:
            line = lines + data.count(b"\n", 0, error.start) + 1
            raise _not_utf8(file, head, offset + error.start, line, data[error.start]) from error
        used = len(data) - len(decoder.getstate()[0])
        offset, lines = offset + used, lines + data.count(b"\n", 0, used)
        if is_first and text:
            text, is_first = text.removeprefix("\ufeff"), False
        yield text


def cut_at_blank_lines(chunks: Iterator[str]) -> Iterator[str]:
    """Yield what lies between blank lines; where chunks end cuts nothing.

    White space at the end of what was read may go on in the next chunk, so it waits for that.
    """
    begun: list[str] = []  # of a document without its end
    waiting = ""
    for chunk in chunks:
        text = waiting + chunk
        ready = len(text.rstrip())
        *ended, rest = _BOUNDARY.split(text[:ready])
        for piece in ended:
            yield "".join([*begun, piece])
            begun = []
        begun.append(rest)
        waiting = text[ready:]
    *ended, rest = _BOUNDARY.split(waiting)
    for piece in ended:
        yield "".join([*begun, piece])
        begun = []
    yield "".join([*begun, rest])


def cut_at_line_ends(chunks: Iterator[str]) -> Iterator[str]:
    """Yield lines without their ends, and what follows the last one, if only an empty text."""
    begun: list[str] = []
    for chunk in chunks:
        *ended, rest = chunk.split("\n")
        for piece in ended:
            yield "".join([*begun, piece])
            begun = []
        begun.append(rest)
    yield "".join(begun)


def _with_last(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield chunks, and at the end an empty one that is marked as the last."""
    for chunk in chunks:
        yield chunk, False
    yield b"", True


def _not_utf8(file: TextFile, head: bytes, offset: int, line: int, byte: int) -> DataError:
    if head in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return DataError(
            f"{file.path} is in UTF-16, as its byte order mark says, and only UTF-8 is read; "
            "convert the file to UTF-8"
        )
    return DataError(
        f"{file.path} is not UTF-8: byte 0x{byte:02x} at offset {offset}, in line {line}; "
        "convert the file to UTF-8"
    )


def _zstd(raw: BinaryIO) -> Any:
    import pyarrow

    return pyarrow.CompressedInputStream(pyarrow.PythonFile(raw, "r"), "zstd")


_UNPACK: dict[str, Callable[[BinaryIO], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": _zstd,
}
