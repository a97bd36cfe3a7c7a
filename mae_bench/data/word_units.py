"""Words of a text, whatever its tokenizer: between blanks, in scripts without them by character.

So a number of words is the same for every tokenizer, and likelihoods a word can be compared.
Legend: C characters of a text, T tokens.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mae_bench.data.scripts import is_mark, is_space, is_unspaced


def words_of(text: str) -> NDArray[np.int64]:
    """Return [C] the number of the word, from 0, that each character is in; -1 for blanks.

    Punctuation belongs to the word that it touches. A character of a script without blanks is a
    word with the marks after it.
    """
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    if not len(codes):
        return np.empty(0, dtype=np.int64)
    is_blank, is_single = is_space()[codes], is_unspaced()[codes]
    is_first = np.ones(len(codes), dtype=np.bool_)
    before_blank, before_single = is_blank[:-1], is_single[:-1]
    # a mark never begins a word, or a letter and its accent would be two
    is_first[1:] = before_blank | ((is_single[1:] | before_single) & ~is_mark()[codes[1:]])
    is_first &= ~is_blank
    numbers: NDArray[np.int64] = np.where(is_blank, -1, np.cumsum(is_first) - 1)
    return numbers


def count_words(text: str) -> int:
    """Return the number of words."""
    return int(words_of(text).max(initial=-1)) + 1


def stretches(text: str, most: int) -> list[str]:
    """Return a text cut into stretches of ``most`` words, the last of them shorter."""
    words = words_of(text)
    count = int(words.max(initial=-1)) + 1
    starts = [int(np.argmax(words == first)) for first in range(0, count, most)]
    ends = [*starts[1:], len(text)][: len(starts)]  # without a word there is no stretch
    return [text[start:end].strip() for start, end in zip(starts, ends, strict=True)]


def words_of_tokens(text: str, offsets: Sequence[tuple[int, int]]) -> list[range]:
    """Return [T] the words that each token's unit holds, equal for tokens of one unit.

    A unit is a word with all its tokens; where one token holds characters of several words, as
    may be in Chinese, these words are one unit.

    Args:
        text: what was tokenised.
        offsets: first and last character (exclusive) of each token.
    """
    words = words_of(text)
    units: list[range] = []
    owners: list[int] = []
    for start, end in offsets:
        inside = words[start:end]
        inside = inside[inside >= 0]
        first, last = (int(inside[0]), int(inside[-1])) if len(inside) else (-1, -1)
        if not units or first >= units[-1].stop:
            units.append(range(max(first, 0), max(last, 0) + 1))
        elif last >= units[-1].stop:
            units[-1] = range(units[-1].start, last + 1)
        owners.append(len(units) - 1)
    return [units[owner] for owner in owners]


def tokens_and_words(tokenizer: Any, text: str) -> tuple[list[int], list[range]]:
    """Return a text's tokens without a frame, and of each what `words_of_tokens` says."""
    encoded = tokenizer(
        text,
        add_special_tokens=False,
        split_special_tokens=True,
        return_offsets_mapping=True,
        verbose=False,
    )
    ids: list[int] = encoded["input_ids"]
    return ids, words_of_tokens(text, encoded["offset_mapping"])


def drawn_words(text: str, ratio: float) -> set[int]:
    """Return round(ratio * W) of a text's W words, at least one, by a hash of text and number.

    The same for every tokenizer, arm and seed.
    """
    count = count_words(text)
    wanted = max(1, int(ratio * count + 0.5))
    content = text.encode("utf-8", "surrogatepass")
    keys = [
        hashlib.blake2b(b"%d\n" % number + content, digest_size=8).digest()
        for number in range(count)
    ]
    return set(sorted(range(count), key=keys.__getitem__)[:wanted])
