"""Texts as token ids: many at once, by several threads, in bounded memory, in their order."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_TEXTS, MAX_CHARS = 256, 1 << 18  # of a batch; while it is encoded, a token takes 100 bytes

Encoded = tuple[NDArray[Any], NDArray[np.int64]]  # ids of texts one behind another, and lengths


def encode(
    texts: Iterable[str], backend: "Tokenizer", dtype: type, threads: int = 1
) -> Iterator[Encoded]:
    """Yield the ids of batches of texts; no text is cut, however long it is.

    Each thread encodes batches of its own. A text's ids depend on no other text.

    Args:
        texts: read as far ahead as threads need.
        backend: of the tokenizer; special tokens are not added.
        dtype: of the ids.
        threads: that encode at once.
    """

    def encoded(batch: list[str]) -> Encoded:
        found = [e.ids for e in backend.encode_batch_fast(batch, add_special_tokens=False)]
        lengths = np.fromiter(map(len, found), dtype=np.int64, count=len(found))
        flat = chain.from_iterable(found)
        ids: NDArray[Any] = np.fromiter(flat, dtype=dtype, count=int(lengths.sum()))
        return ids, lengths

    if threads == 1:
        yield from map(encoded, batches(texts))
        return
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[Encoded]] = deque()
        for batch in batches(texts):
            ahead.append(pool.submit(encoded, batch))
            if len(ahead) > 2 * threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield texts in lists of bounded size; one that alone is larger is a list of its own."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and (len(batch) == MAX_TEXTS or size + len(text) > MAX_CHARS):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch
