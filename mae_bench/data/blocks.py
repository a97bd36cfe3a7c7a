"""Blocks: a corpus as rows of token ids, all of one length, memory-mapped from disk.

Legend: N training rows, M validation rows, L row length.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mae_bench.data.corpus import is_world
from mae_bench.data.documents import load_documents
from mae_bench.data.tokenizer import CLS, PAD, SEP, SPECIAL, UNK, load_tokenizer
from mae_bench.errors import DataError, StoreError
from mae_bench.progress import Progress, silent
from mae_bench.specs import CorpusSpec

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Rows = NDArray[Any]

WORLD_TOKENS = 2_000_000
MIN_TOKENS = 4  # in a shorter document nothing can be hidden with context left to see
MAX_VALIDATION_ROWS = 2_048  # enough for a loss to three digits, and cheap to evaluate
_BATCH = 256  # documents encoded at once


@dataclass(frozen=True)
class Blocks:
    """Rows of one corpus.

    Attributes:
        rows: [N, L] memory-mapped; a row is [CLS] text [SEP], then [PAD] if the text is short.
        validation: [M, L] rows of documents that are never trained on; M can be 0.
        row_length: L.
        vocab_size: of the tokenizer.
        num_tokens: positions of ``rows`` that hold text (neither special nor pad).
        has_pads: whether any training row is padded.
        unigram_entropy: of the text tokens of ``rows``, in nats a token.
        num_documents: training documents that gave a row.
        num_dropped: training documents of fewer than four tokens, left out.
    """

    rows: Rows
    validation: Rows
    row_length: int
    vocab_size: int
    num_tokens: int
    has_pads: bool
    unigram_entropy: float
    num_documents: int
    num_dropped: int


def build_blocks(
    spec: CorpusSpec, tokenizer: Path, out: Path, data_dir: Path | None, progress: Progress
) -> None:
    """Encode a corpus and write ``rows.npy``, ``validation.npy`` and ``meta.json``.

    A row never mixes two documents. The last row of a long document is aligned to its end, so
    it repeats some tokens instead of needing pads. ``tokens`` keeps the shortest prefix of rows
    with that many text tokens: the rows of a smaller corpus are the first of a larger one.

    Raises:
        DataError: the corpus gives no row, or fewer tokens than asked for.
    """
    documents = load_documents(spec, data_dir)
    fast = load_tokenizer(tokenizer)
    backend: Tokenizer = fast.backend_tokenizer
    backend.encode_special_tokens = True  # "[MASK]" in a text is text
    vocab_size = len(fast)
    asked = spec.tokens or (WORLD_TOKENS if is_world(spec) else None)
    train = _Rows(spec.row_length, vocab_size)
    train.fill(_encoded(documents.train(), backend), asked, None, progress)
    _check(train, spec, asked)
    validation = _Rows(spec.row_length, vocab_size)
    validation.fill(_encoded(documents.validation, backend), None, MAX_VALIDATION_ROWS, silent)
    rows = train.stacked()
    # Of the rows as they are trained on, repeated ends of documents included.
    counts = np.bincount(rows.ravel(), minlength=vocab_size)
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / "rows.npy", rows, allow_pickle=False)
    np.save(out / "validation.npy", validation.stacked(), allow_pickle=False)
    num_unknown = int(counts[UNK])
    tokens, num_rows = np.unique(_num_maskable(rows), return_counts=True)
    meta = {
        "row_length": spec.row_length,
        "vocab_size": vocab_size,
        "num_tokens": train.num_tokens,
        "has_pads": bool(counts[PAD]),
        "unigram_entropy": _entropy(counts[len(SPECIAL) :]),
        "unknown_ratio": num_unknown / max(1, num_unknown + train.num_tokens),
        "rows_by_tokens": dict(zip(map(str, tokens.tolist()), num_rows.tolist(), strict=True)),
        "num_documents": train.num_documents,
        "num_dropped": train.num_dropped,
        "num_validation_documents": validation.num_documents,
        "num_duplicates": documents.num_duplicates,
        "sources": list(spec.sources),
        "warnings": list(documents.warnings),
    }
    (out / "meta.json").write_text(json.dumps(meta, indent=1), encoding="utf-8")


def load_blocks(folder: Path) -> Blocks:
    """Return the blocks of a folder; the training rows stay on disk until they are read.

    Raises:
        StoreError: a file is missing or damaged.
    """
    fields = [name for name in Blocks.__dataclass_fields__ if name not in ("rows", "validation")]
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        rows, validation = (
            np.load(folder / name, mmap_mode="r", allow_pickle=False)
            for name in ("rows.npy", "validation.npy")
        )
        return Blocks(rows, validation, **{name: meta[name] for name in fields})
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise StoreError(
            f"the blocks in {folder} are damaged ({type(error).__name__}: {error}); "
            "remove the folder and prepare again"
        ) from error


def _encoded(texts: Iterable[str], backend: "Tokenizer") -> Iterator[list[int]]:
    texts = iter(texts)
    while batch := list(islice(texts, _BATCH)):
        for encoding in backend.encode_batch_fast(batch, add_special_tokens=False):
            yield encoding.ids


class _Rows:
    """Rows under construction."""

    def __init__(self, row_length: int, vocab_size: int) -> None:
        self.row_length = row_length
        self.dtype = np.uint16 if vocab_size <= np.iinfo(np.uint16).max else np.int32
        self.num_tokens = self.num_documents = self.num_dropped = 0
        self._pieces: list[Rows] = []

    def fill(
        self,
        encoded: Iterator[list[int]],
        max_tokens: int | None,
        max_rows: int | None,
        progress: Progress,
    ) -> None:
        """Add documents until they end, or until either limit is reached."""
        num_rows = 0
        for ids in encoded:
            if len(ids) < MIN_TOKENS:
                self.num_dropped += 1
                continue
            piece = self._cut(np.asarray(ids, dtype=self.dtype))
            text = (piece >= len(SPECIAL)).sum(axis=1)
            if max_tokens is not None:
                # rows that start below the limit: the last of them may reach beyond it
                is_needed = self.num_tokens + np.cumsum(text) - text < max_tokens
                piece, text = piece[is_needed], text[is_needed]
            if max_rows is not None:
                piece, text = piece[: max_rows - num_rows], text[: max_rows - num_rows]
            self._pieces.append(piece)
            self.num_tokens += int(text.sum())
            self.num_documents += 1
            num_rows += len(piece)
            if self.num_documents % 1000 == 0:
                progress(self.num_tokens, max_tokens or 0, f"{num_rows} rows")
            is_full = max_tokens is not None and self.num_tokens >= max_tokens
            if is_full or num_rows == max_rows:
                return

    def _cut(self, ids: Rows) -> Rows:
        body = self.row_length - 2
        if len(ids) <= body:
            rows = np.full((1, self.row_length), PAD, dtype=self.dtype)
            rows[0, 1 : len(ids) + 1] = ids
            rows[0, len(ids) + 1] = SEP
        else:
            starts = np.arange(0, len(ids), body)
            starts[-1] = len(ids) - body  # the last row repeats tokens instead of holding pads
            rows = np.full((len(starts), self.row_length), SEP, dtype=self.dtype)
            rows[:, 1:-1] = ids[starts[:, None] + np.arange(body)]
        rows[:, 0] = CLS
        return rows

    def stacked(self) -> Rows:
        """Return [N, L]."""
        empty = np.empty((0, self.row_length), dtype=self.dtype)
        return np.concatenate([empty, *self._pieces])


def _check(train: _Rows, spec: CorpusSpec, asked: int | None) -> None:
    where = f"the corpus {list(spec.sources)}"
    if not train.num_documents:
        raise DataError(
            f"{where} gives no row: none of its {train.num_dropped} documents has at least "
            f"{MIN_TOKENS} tokens; give longer documents"
        )
    if train.num_tokens < spec.row_length - 2:
        raise DataError(
            f"{where} is smaller than one row: it has {train.num_tokens} tokens, a row of "
            f"row_length {spec.row_length} holds {spec.row_length - 2}; give more text"
        )
    if asked is not None and train.num_tokens < asked:
        raise DataError(
            f"{where} holds {train.num_tokens} training tokens with this tokenizer, "
            f"{asked} were asked for; lower 'tokens' to at most {train.num_tokens} or add sources"
        )


def _num_maskable(rows: Rows) -> Rows:
    """Return [N] tokens of rows between [CLS] and [SEP]."""
    counts: Rows = (rows != PAD).sum(axis=1) - 2
    return counts


def _entropy(counts: NDArray[Any]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())
