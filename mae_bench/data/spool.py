"""Texts in the order of keyed hashes of their content, each once, on disk where they are many.

An external merge sort (Knuth 1998, section 5.4): runs that fit into memory are sorted and written,
then merged, more than `MAX_RUNS` of them in two rounds. All files are nameless, so that nothing of
them outlives the process.
"""

import hashlib
import heapq
import struct
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import SpooledTemporaryFile

import numpy as np
from numpy.typing import NDArray

RUN_BYTES = 1 << 26  # of texts that are sorted in memory; below it nothing is written to disk
READ_BYTES = 1 << 20
MAX_RUNS = 256  # merged at once: each is an open file, of which a process may have 1,024
_OVERHEAD = 300  # bytes that Python needs for a text beside its own
_HEADER = struct.Struct("<16sQQQ")

Record = tuple[bytes, int, int, bytes]  # sort key, content hash, characters, UTF-8


class Spool:
    """Distinct texts in their order, which can be read any number of times.

    Attributes:
        hashes: [N] uint64 of their content.
        num_chars: [N] characters.
    """

    def __init__(self, texts: Iterable[bytes], key: bytes, folder: Path | None = None) -> None:
        """Read all texts.

        Args:
            texts: in UTF-8.
            key: of the hashes that order them; with another key it is another shuffle.
            folder: on whose disk they are kept; None for that of temporary files.
        """
        self.num_read = 0
        self._index = array("Q")
        # Sorting by a keyed hash of the content is a shuffle that depends on the key and on the
        # text alone, and gives exact duplicates one place.
        runs: list[SpooledTemporaryFile[bytes]] = []
        merged: list[SpooledTemporaryFile[bytes]] = []
        for run in self._runs(texts, key, folder):
            runs.append(run)
            if len(runs) == MAX_RUNS:
                merged.append(_written(_merged(runs), folder))
                runs.clear()
        self._file = _written(self._listed(_merged([*merged, *runs])), folder)
        table = np.frombuffer(self._index, dtype=np.uint64).reshape(-1, 2)
        self.hashes: NDArray[np.uint64] = table[:, 0]
        self.num_chars = table.view(np.int64)[:, 1]

    def __len__(self) -> int:
        return len(self.hashes)

    def __iter__(self) -> Iterator[tuple[int, str]]:
        """Yield the hash and the text of each."""
        for _, content, _, text in _records(self._file):
            yield content, text.decode("utf-8")

    def _runs(
        self, texts: Iterable[bytes], key: bytes, folder: Path | None
    ) -> Iterator[SpooledTemporaryFile[bytes]]:
        run: dict[bytes, Record] = {}
        size = 0
        for data in texts:
            self.num_read += 1
            sort_key = hashlib.blake2b(data, digest_size=16, key=key).digest()
            if sort_key in run:
                continue
            run[sort_key] = (sort_key, content_hash(data), len(data.decode("utf-8")), data)
            size += len(data) + _OVERHEAD
            if size >= RUN_BYTES:
                file = _written(sorted(run.values()), folder)
                file.rollover()  # many runs would fill the memory, and one of them does not
                yield file
                run, size = {}, 0
        yield _written(sorted(run.values()), folder)

    def _listed(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield what is new of sorted records, and keep what a split asks of it."""
        last = b""
        for record in records:
            if record[0] != last:
                self._index.extend(record[1:3])
                yield record
            last = record[0]


def content_hash(data: bytes) -> int:
    """Return 64 bits that follow from a text's bytes alone."""
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def _written(records: Iterable[Record], folder: Path | None) -> SpooledTemporaryFile[bytes]:
    file = SpooledTemporaryFile[bytes](RUN_BYTES, dir=None if folder is None else str(folder))
    for key, content, chars, data in records:
        file.write(_HEADER.pack(key, content, chars, len(data)))
        file.write(data)
    return file


def _merged(runs: Sequence[SpooledTemporaryFile[bytes]]) -> Iterator[Record]:
    return heapq.merge(*(_records(run, len(runs)) for run in runs))


def _records(file: SpooledTemporaryFile[bytes], num_readers: int = 1) -> Iterator[Record]:
    """Yield what a file holds; several may read it in turns, for each knows where it is."""
    size = max(READ_BYTES // num_readers, READ_BYTES // 64)
    offset, buffer, at = 0, b"", 0

    def ensure(count: int) -> bool:
        """Have so many bytes in the buffer; return False at the end of the file."""
        nonlocal offset, buffer, at
        if len(buffer) - at < count:
            file.seek(offset)
            more = file.read(max(size, count))
            offset += len(more)
            buffer, at = buffer[at:] + more, 0
        return len(buffer) - at >= count

    while ensure(_HEADER.size):
        key, content, chars, length = _HEADER.unpack_from(buffer, at)
        at += _HEADER.size
        ensure(length)
        data = buffer[at : at + length]
        at += length
        yield key, content, chars, data
