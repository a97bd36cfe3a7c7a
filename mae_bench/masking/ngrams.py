"""The collocations of a corpus: n-grams of tokens that occur together more than apart.

Source: Levine et al. 2021, arXiv:2010.01825. Differs from it: n-grams are of tokens, not of words;
their number follows the vocabulary; and none is kept that occurs less than its parts let expect.
Legend: N rows, L positions, K n-grams of one size.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mae_bench.data.tokenizer import SPECIAL
from mae_bench.progress import Progress

SHORTEST, LONGEST = 2, 5
MIN_COUNT = 11  # "over 10 occurrences"
SHARES = {2: 0.5, 3: 0.25, 4: 0.125, 5: 0.125}  # of the n-grams kept, the paper's
PER_TOKEN = 4  # n-grams kept for each token of the vocabulary
MAX_KEPT = 800_000  # the paper's, for 30,000 tokens and 16 GB of text
BASES, MODULI = (1_000_003, 998_244_353), (2**31 - 1, 2**31 - 19)

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class _Table:
    """The frequent n-grams of one size.

    Attributes:
        hashes: [K] sorted.
        tokens: [K, n] their ids.
        counts: [K].
        total: n-grams of this size in the corpus, frequent or not.
    """

    hashes: Ints
    tokens: Ints
    counts: Ints
    total: int

    def log_share(self, tokens: Ints) -> NDArray[np.float64]:
        """Return [K'] log shares of n-grams [K', n] that are all frequent."""
        index = np.searchsorted(self.hashes, hash_windows(tokens, tokens.shape[1])[:, 0])
        shares: NDArray[np.float64] = np.log(self.counts[index] / self.total)
        return shares


def hash_windows(ids: Any, size: int) -> Any:
    """Return [B, L - size + 1] int64 hashes of the windows of ids [B, L], an array or a tensor.

    Two polynomials modulo primes below 2**31, side by side: nothing overflows on any device, and
    two windows of one to five tokens share a hash with chance near 2**-62.
    """
    width = ids.shape[1] - size + 1
    halves = []
    for base, modulus in zip(BASES, MODULI, strict=True):
        value = ids[:, :width] + 1
        for offset in range(1, size):
            value = (value * base + ids[:, offset : offset + width] + 1) % modulus
        halves.append(value)
    return halves[0] * 2**31 + halves[1]


def count_ngrams(rows: NDArray[np.integer], out: Path, progress: Progress) -> None:
    """Write the hashes of a corpus' collocations and how many of each size there are.

    Of n-grams of 2 to 5 tokens that cross no special token and occur more than 10 times, those of
    the highest PMI_n above 0 are kept: in all at most 4 for each token that occurs, and at most
    800,000; half of them of 2 tokens, a quarter of 3, an eighth each of 4 and of 5.

    Args:
        rows: [N, L] token ids.
        out: folder for ``hashes.npy``, sorted int64, and ``meta.json``.
        progress: called with sizes done and to do.
    """
    ids = np.asarray(rows).astype(np.int64)
    is_text = ids >= len(SPECIAL)
    vocabulary = int((np.bincount(ids[is_text]) > 0).sum()) if is_text.any() else 0
    limit = min(PER_TOKEN * vocabulary, MAX_KEPT)
    tables: dict[int, _Table] = {}
    is_frequent = is_text
    kept: list[Ints] = [np.empty(0, np.int64)]
    sizes: dict[str, dict[str, float]] = {}
    for size in range(1, min(LONGEST, ids.shape[1]) + 1):
        progress(size - 1, LONGEST, f"counting n-grams of {size}")
        tables[size], is_frequent = _frequent(ids, is_text, is_frequent, size)
        if size < SHORTEST:
            continue
        pmi = _pmi(tables, size)
        best = _best(tables[size], pmi, int(limit * SHARES[size]))
        kept.append(tables[size].hashes[best])
        sizes[str(size)] = {
            "frequent": len(pmi),
            "kept": len(best),
            "least_pmi": float(pmi[best].min()) if len(best) else 0.0,
        }
    out.mkdir(parents=True, exist_ok=True)
    np.save(out / "hashes.npy", np.sort(np.concatenate(kept)), allow_pickle=False)
    meta = {"vocabulary": vocabulary, "limit": limit, "min_count": MIN_COUNT, "sizes": sizes}
    (out / "meta.json").write_text(json.dumps(meta, indent=1), encoding="utf-8")
    progress(LONGEST, LONGEST, f"{sum(map(len, kept)):,} collocations")


def _frequent(
    ids: Ints, is_text: NDArray[np.bool_], is_frequent: NDArray[np.bool_], size: int
) -> tuple[_Table, NDArray[np.bool_]]:
    """Count the n-grams of one size.

    Args:
        ids: [N, L].
        is_text: [N, L], False at special tokens.
        is_frequent: [N, L - size + 2] whether the n-gram a token shorter is frequent.
        size: n.

    Returns:
        The table, and [N, L - size + 1] whether the n-gram that starts at each position is in it.
    """
    width = ids.shape[1] - size + 1
    windows = np.lib.stride_tricks.sliding_window_view(is_text, size, axis=1)
    # an n-gram is at most as frequent as its parts, so the others are not even sorted
    may_be = is_text if size == 1 else is_frequent[:, :-1] & is_frequent[:, 1:]
    row, start = np.nonzero(may_be)
    hashes = hash_windows(ids, size)[row, start]
    unique, first, inverse, counts = np.unique(
        hashes, return_index=True, return_inverse=True, return_counts=True
    )
    # single tokens stay whatever their count: they are only parts
    is_in = counts >= (MIN_COUNT if size > 1 else 1)
    is_in_table = np.zeros((len(ids), width), dtype=bool)
    is_in_table[row, start] = is_in[inverse]
    first = first[is_in]
    tokens = ids[row[first][:, None], start[first][:, None] + np.arange(size)]
    return _Table(unique[is_in], tokens, counts[is_in], int(windows.all(2).sum())), is_in_table


def _pmi(tables: dict[int, _Table], size: int) -> NDArray[np.float64]:
    """Return [K] PMI_n: the least of log p(n-gram) / prod p(part) over ways to split it."""
    tokens = tables[size].tokens
    likeliest: dict[tuple[int, int], NDArray[np.float64]] = {}  # of all ways to split tokens i..j
    for width in range(1, size + 1):
        for start in range(size - width + 1):
            end = start + width
            splits = [likeliest[start, at] + likeliest[at, end] for at in range(start + 1, end)]
            if width < size:
                splits.append(tables[width].log_share(tokens[:, start:end]))
            likeliest[start, end] = np.max(splits, axis=0)
    return tables[size].log_share(tokens) - likeliest[0, size]


def _best(table: _Table, pmi: NDArray[np.float64], limit: int) -> Ints:
    """Return the indices of the n-grams of highest PMI; the more frequent first where equal."""
    order = np.lexsort((table.hashes, -table.counts, -pmi))
    chosen: Ints = order[pmi[order] > 0][:limit]
    return chosen
