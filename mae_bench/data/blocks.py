"""Blocks: a corpus as rows of token ids, all of one length, memory-mapped from disk.

Legend: N training rows, M validation rows, L row length.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mae_bench.data.corpus import is_world
from mae_bench.data.documents import load_documents
from mae_bench.data.encoding import encode
from mae_bench.data.rows import MIN_TOKENS, Rows, RowWriter
from mae_bench.data.tokenizer import PAD, SPECIAL, UNK, load_tokenizer
from mae_bench.errors import DataError, StoreError
from mae_bench.progress import Progress, silent
from mae_bench.specs import CorpusSpec

if TYPE_CHECKING:
    from tokenizers import Tokenizer

WORLD_TOKENS = 2_000_000
MAX_VALIDATION_ROWS = 2_048  # enough for a loss to three digits, and cheap to evaluate


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
    spec: CorpusSpec,
    tokenizer: Path,
    out: Path,
    data_dir: Path | None,
    progress: Progress,
    threads: int = 1,
) -> None:
    """Encode a corpus and write ``rows.npy``, ``validation.npy`` and ``meta.json``.

    A row never mixes two documents. The last row of a long document is aligned to its end, so
    it repeats some tokens instead of needing pads. ``tokens`` keeps the shortest prefix of rows
    with that many text tokens: the rows of a smaller corpus are the first of a larger one.

    Texts and rows pass through; what is held of either does not grow with the corpus.

    Args:
        spec: of the corpus.
        tokenizer: its folder.
        out: folder to write, on whose disk a large corpus is also sorted.
        data_dir: local data, or None.
        progress: called with tokens done and to do.
        threads: that encode; their number changes no row.

    Raises:
        DataError: the corpus gives no row, or fewer tokens than asked for.
    """
    out.mkdir(parents=True, exist_ok=True)
    documents = load_documents(spec, data_dir, out)
    fast = load_tokenizer(tokenizer)
    backend: Tokenizer = fast.backend_tokenizer
    backend.encode_special_tokens = True  # "[MASK]" in a text is text
    vocab_size = len(fast)
    asked = spec.tokens or (WORLD_TOKENS if is_world(spec) else None)
    train = RowWriter(out / "rows.npy", spec.row_length, vocab_size)
    encoded = encode(documents.train(), backend, train.dtype, threads)
    train.fill(encoded, asked, None, progress)
    _check(train, spec, asked)
    validation = RowWriter(out / "validation.npy", spec.row_length, vocab_size)
    encoded = encode(documents.held_out(), backend, train.dtype)
    validation.fill(encoded, None, MAX_VALIDATION_ROWS, silent)
    # Of the rows as they are trained on, repeated ends of documents included.
    counts = train.counts
    num_unknown = int(counts[UNK])
    meta = {
        "row_length": spec.row_length,
        "vocab_size": vocab_size,
        "num_tokens": train.num_tokens,
        "has_pads": bool(counts[PAD]),
        "unigram_entropy": _entropy(counts[len(SPECIAL) :]),
        "unknown_ratio": num_unknown / max(1, num_unknown + train.num_tokens),
        "rows_by_tokens": {str(n): rows for n, rows in sorted(train.rows_by_tokens.items())},
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


def _check(train: RowWriter, spec: CorpusSpec, asked: int | None) -> None:
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


def _entropy(counts: NDArray[Any]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())
