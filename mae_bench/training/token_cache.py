"""Texts that a process has tokenised, so that no evaluation tokenises them again.

Arms share a tokenizer and tasks share texts among seeds, train sizes and protocols: of hundreds of
evaluations one has to tokenise. What is kept is bounded, and the text itself is part of its key.
"""

import hashlib
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from mae_bench.file_stamps import Stamp, file_stamps

Ids = NDArray[np.int32]
MAX_BYTES = 64 << 20  # of ids and texts
MAX_TOKENIZERS = 4
_OVERHEAD = 400  # bytes that Python takes for a key and an array
_UNREAD = ("cost.json", "curve.json", "spec.json", "done.json")  # beside a tokenizer, not of it
_WEIGHTS = (".safetensors", ".bin", ".pt", ".h5", ".msgpack", ".onnx", ".ot")

_held: LRUCache[object, tuple[Ids, int]] = LRUCache(MAX_BYTES, getsizeof=lambda held: held[1])
_tokenizers: LRUCache[str, object] = LRUCache(MAX_TOKENIZERS)
_digests: LRUCache[Stamp, str] = LRUCache(1024)
_numbers: WeakKeyDictionary[object, int] = WeakKeyDictionary()
_counter = itertools.count()


def same_tokenizer(folder: Path, load: Callable[[], object]) -> object:
    """Return the tokenizer of a folder: the one in memory where its files are the same to a byte.

    Args:
        folder: with a tokenizer and its encoder's config.json.
        load: reads it.
    """
    key = _digest(folder)
    if key not in _tokenizers:
        _tokenizers[key] = load()
    return _tokenizers[key]


def number_of(tokenizer: object) -> int:
    """Return what stands for a tokenizer in the key of what it made."""
    return _numbers.setdefault(tokenizer, next(_counter))


def token_ids(
    tokenizer: object,
    texts: Sequence[Sequence[str]],
    max_length: int,
    encode: Callable[[list[list[str]]], list[list[int]]],
) -> list[Ids]:
    """Return the ids of each text, or of each pair.

    Args:
        tokenizer: stays as it is after its first use.
        texts: one column, or two of equal length.
        max_length: at which ``encode`` cuts.
        encode: tokenises columns of texts that are not in memory.
    """
    number = number_of(tokenizer)
    keys = [(number, max_length, row) for row in zip(*texts, strict=True)]
    cached = [_held.get(key) for key in keys]
    new = list(dict.fromkeys(key for key, held in zip(keys, cached, strict=True) if held is None))
    fresh: dict[object, Ids] = {}
    if new:
        rows = encode([list(column) for column in zip(*(key[2] for key in new), strict=True)])
        for key, row in zip(new, rows, strict=True):
            fresh[key] = ids = np.array(row, dtype=np.int32)
            size = ids.nbytes + sum(map(len, key[2])) + _OVERHEAD
            if size <= MAX_BYTES:
                _held[key] = (ids, size)
    return [
        held[0] if held is not None else fresh[key] for key, held in zip(keys, cached, strict=True)
    ]


def _digest(folder: Path) -> str:
    """Return a digest of all files in a folder that a tokenizer may read."""
    paths = [
        path
        for path in sorted(folder.iterdir())
        if path.is_file() and path.suffix not in _WEIGHTS and path.name not in _UNREAD
    ]
    stamps = file_stamps(paths)
    if stamps not in _digests:
        total = hashlib.sha256()
        for path in paths:
            content = path.read_bytes()
            total.update(f"{path.name} {len(content)}\n".encode())
            total.update(content)
        _digests[stamps] = total.hexdigest()
    return _digests[stamps]
