"""Where words end: at white space of any kind, and in scripts without it after each character.

Legend: U = 0x110000 code points.
"""

import re
import sys
import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray

# Written without blanks between words: of Unicode's line breaking classes (UAX 14) SA, ID and CJ,
# and Tibetan, Balinese and Javanese. Hangul is not among them: Korean has blanks.
UNSPACED = (
    (0x0E00, 0x0E7F),  # Thai
    (0x0E80, 0x0EFF),  # Lao
    (0x0F00, 0x0FFF),  # Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19FF),  # Tai Le, New Tai Lue, Khmer symbols
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x1B00, 0x1B7F),  # Balinese
    (0x2E80, 0x2FFF),  # Chinese radicals
    (0x3001, 0x312F),  # Chinese punctuation, kana, bopomofo; U+3000 is white space
    (0x3190, 0x4DBF),  # kana and Chinese
    (0x4E00, 0x9FFF),  # Chinese
    (0xA000, 0xA4CF),  # Yi
    (0xA980, 0xA9FF),  # Javanese, Myanmar
    (0xAA60, 0xAADF),  # Myanmar, Tai Viet
    (0xF900, 0xFAFF),  # Chinese
    (0xFE30, 0xFE4F),  # Chinese vertical punctuation
    (0xFF01, 0xFF9F),  # full and half width forms
    (0x11700, 0x1174F),  # Ahom
    (0x16FE0, 0x18DFF),  # Tangut, Khitan
    (0x1AFF0, 0x1B2FF),  # kana, Nushu
    (0x20000, 0x3FFFF),  # Chinese
)
JOINERS = "\u200c\u200d"  # inside words of Persian and of Indic scripts


@cache
def is_space() -> NDArray[np.bool_]:
    """Return [U] whether a character is white space."""
    return np.array([chr(code).isspace() for code in range(sys.maxunicode + 1)])


@cache
def is_mark() -> NDArray[np.bool_]:
    """Return [U] whether a character is a combining mark, which belongs to the one before it."""
    return np.array(
        [unicodedata.category(chr(code))[0] == "M" for code in range(sys.maxunicode + 1)]
    )


@cache
def is_unspaced() -> NDArray[np.bool_]:
    """Return [U] whether a character is of a script without blanks between words."""
    is_in_range = np.zeros(sys.maxunicode + 1, dtype=np.bool_)
    for first, last in UNSPACED:
        is_in_range[first : last + 1] = True
    return is_in_range


@cache
def word_pattern() -> re.Pattern[str]:
    """Return a pattern of words.

    A word is a run of letters, digits and their marks; in scripts without blanks one character
    with its marks; or one sign that is neither.
    """
    one, unspaced = unspaced_character()
    marks = "".join(_range(first, last) for first, last in _runs(is_mark()))
    # [^\W...] is the set of letters and digits that are in none of these ranges
    inside = rf"(?:[^\W{unspaced}]+|[{marks}{JOINERS}]+)+"
    return re.compile(rf"{one}|{inside}|[^\w\s]")


@cache
def unspaced_character() -> tuple[str, str]:
    """Return the pattern of a character of a script without blanks, and the set of them all.

    The character takes its combining marks along. The set is written as inside square brackets.
    """
    unspaced = "".join(_range(first, last) for first, last in UNSPACED)
    marks = "".join(_range(first, last) for first, last in _runs(is_mark()))
    return rf"[{unspaced}][{marks}]*", unspaced


def _runs(is_in: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_in, [False]]).astype(np.int8)))
    return [(int(first), int(end) - 1) for first, end in edges.reshape(-1, 2)]


def _range(first: int, last: int) -> str:
    return f"\\U{first:08x}-\\U{last:08x}"
