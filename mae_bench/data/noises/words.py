"""Noise of whole words: some are left out, or change places with their neighbours.

A word is what stands between blanks; in scripts without blanks one character with its marks.
"""

import random
import re
from functools import cache

from mae_bench.data.noises.base import ENGLISH, NoiseContext, add_noise
from mae_bench.data.scripts import unspaced_character


@cache
def pieces_pattern() -> re.Pattern[str]:
    """Return a pattern of a word with the blanks before it, in two groups."""
    one, ranges = unspaced_character()
    return re.compile(rf"(\s*)({one}|[^\s{ranges}]+)")


@add_noise("drop_words", unit="word", keeps_words=False)
def drop_words(text: str, rate: float, rng: random.Random, context: NoiseContext = ENGLISH) -> str:
    """Return the text without each word at probability ``rate``; one word is always left.

    Deletion as of Iyyer et al. 2015 (aclanthology.org/P15-1162) and EDA (arXiv:1901.11196).
    """
    matches = list(pieces_pattern().finditer(text))
    draws = [rng.random() for _ in matches]
    if not matches or min(draws) >= rate:
        return text
    latest = draws.index(max(draws))
    kept = [
        match
        for position, match in enumerate(matches)
        if draws[position] >= rate or position == latest
    ]
    out = [match.group() for match in kept]
    out[0] = matches[0][1] + kept[0][2]  # what stands before the first word stays before it
    return "".join(out) + text[matches[-1].end() :]


@add_noise("word_order", unit="word", keeps_words=False)
def word_order(text: str, rate: float, rng: random.Random, context: NoiseContext = ENGLISH) -> str:
    """Return the text with each word moved by one at probability ``rate``.

    Words are paired with their neighbours, from the first or the second word on; both words of a
    pair change places together. Local shuffles as of Pham et al. 2021 (arXiv:2012.15180).
    """
    matches = list(pieces_pattern().finditer(text))
    starts_second = rng.random() < 0.5 and len(matches) > 2
    words = [match[2] for match in matches]
    for first in range(int(starts_second), len(words) - 1, 2):
        if rng.random() < rate:
            words[first], words[first + 1] = words[first + 1], words[first]
    out = [match[1] + word for match, word in zip(matches, words, strict=True)]
    return "".join(out) + (text[matches[-1].end() :] if matches else text)
