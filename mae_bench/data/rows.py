"""Rows of token ids: documents cut into rows and written as they come, and their counts."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mae_bench.data.encoding import Encoded
from mae_bench.data.tokenizer import CLS, PAD, SEP, SPECIAL
from mae_bench.progress import Progress

MIN_TOKENS = 4  # in a shorter document nothing can be hidden with context left to see
REPORT_EVERY = 1_000  # documents
_COUNTED_ROWS = 1 << 16

Rows = NDArray[Any]


def count_tokens(rows: Rows, vocab_size: int) -> NDArray[np.int64]:
    """Return [V] counts of the ids in rows [N, L], special ones among them."""
    counts = np.zeros(vocab_size, np.int64)
    for start in range(0, len(rows), _COUNTED_ROWS):  # a part at a time: rows may exceed memory
        part = np.asarray(rows[start : start + _COUNTED_ROWS])
        counts += np.bincount(part.ravel(), minlength=vocab_size)
    return counts


class RowWriter:
    """Writes rows of one length to a file that `numpy.load` maps to memory.

    Attributes:
        num_rows: written.
        num_tokens: of text in them.
        num_documents: that gave a row.
        num_dropped: that were too short for one.
        counts: [V] of each token in the rows.
        rows_by_tokens: how many rows hold so many tokens between [CLS] and [SEP].
    """

    def __init__(self, path: Path, row_length: int, vocab_size: int) -> None:
        self.row_length = row_length
        self.dtype = np.uint16 if vocab_size <= np.iinfo(np.uint16).max else np.int32
        self.num_rows = self.num_tokens = self.num_documents = self.num_dropped = 0
        self.counts = np.zeros(vocab_size, np.int64)
        self.rows_by_tokens: Counter[int] = Counter()
        self._path = path

    def fill(
        self,
        encoded: Iterable[Encoded],
        max_tokens: int | None,
        max_rows: int | None,
        progress: Progress,
    ) -> None:
        """Write the rows of documents until they end, or until either limit is reached."""
        with self._path.open("wb") as self._file:
            self._write_header()
            start = self._file.tell()
            for ids, lengths in encoded:
                before = self.num_documents // REPORT_EVERY
                is_full = self._add(ids, lengths, max_tokens, max_rows)
                if self.num_documents // REPORT_EVERY > before:
                    progress(self.num_tokens, max_tokens or 0, f"{self.num_rows} rows")
                if is_full:
                    break
            self._file.seek(0)
            self._write_header()  # numpy leaves room in it for any number of rows
            assert self._file.tell() == start

    def _write_header(self) -> None:
        shape = (self.num_rows, self.row_length)
        descr = np.lib.format.dtype_to_descr(np.dtype(self.dtype))
        header = {"descr": descr, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)

    def _add(
        self, ids: Rows, lengths: NDArray[np.int64], max_tokens: int | None, max_rows: int | None
    ) -> bool:
        """Write the rows of some documents; return whether a limit is reached."""
        is_long = lengths >= MIN_TOKENS
        rows, document = cut_rows(ids, lengths, is_long, self.row_length)
        text = (rows >= len(SPECIAL)).sum(axis=1)
        count = len(rows)
        if max_tokens is not None:
            # rows that start below the limit: the last of them may reach beyond it
            begins = self.num_tokens + np.cumsum(text) - text
            count = int(np.searchsorted(begins, max_tokens))
        if max_rows is not None:
            count = min(count, max_rows - self.num_rows)
        rows, document = rows[:count], document[:count]
        self._file.write(rows.tobytes())
        self.counts += np.bincount(rows.ravel(), minlength=len(self.counts))
        self.rows_by_tokens.update(((rows != PAD).sum(axis=1) - 2).tolist())
        self.num_rows += count
        self.num_tokens += int(text[:count].sum())
        is_full = max_tokens is not None and self.num_tokens >= max_tokens
        is_full = is_full or self.num_rows == max_rows
        # what follows the last document that was needed has not been looked at
        seen = int(document[-1]) + 1 if is_full and count else len(lengths)
        self.num_documents += int(is_long[:seen].sum())
        self.num_dropped += int((~is_long[:seen]).sum())
        return is_full


def cut_rows(
    ids: Rows, lengths: NDArray[np.int64], is_kept: NDArray[np.bool_], row_length: int
) -> tuple[Rows, NDArray[np.int64]]:
    """Return the rows [N, L] of documents, and of each the number of its document.

    A row never mixes two documents. The last row of a long one is aligned to its end, so it repeats
    some tokens instead of holding pads; the row of a short one is padded.

    Args:
        ids: of all documents, one behind another.
        lengths: of the documents, which add up to those.
        is_kept: whether a document gives rows.
        row_length: L.
    """
    body = row_length - 2
    ends = np.cumsum(lengths)
    num_rows = np.where(is_kept, np.maximum(1, -(-lengths // body)), 0)
    document = np.repeat(np.arange(len(lengths)), num_rows)
    first = np.repeat(np.cumsum(num_rows) - num_rows, num_rows)
    length = lengths[document]
    inside = np.minimum((np.arange(len(document)) - first) * body, np.maximum(length - body, 0))
    held = np.minimum(length, body)
    start = (ends - lengths)[document] + inside
    rows = np.full((len(document), row_length), PAD, dtype=ids.dtype)
    rows[:, 0] = CLS
    columns = np.arange(body)
    is_text = columns < held[:, None]
    index = start[:, None] + columns
    rows[:, 1:-1] = np.where(is_text, ids[np.minimum(index, len(ids) - 1)], PAD)
    rows[np.arange(len(rows)), held + 1] = SEP
    return rows, document
