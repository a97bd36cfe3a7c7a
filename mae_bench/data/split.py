"""Which text of a corpus is set apart for validation."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_VALIDATION = 200  # characters; less would give only a row or two
NEAR = 4  # the share set apart may differ from the ratio by this factor either way


@dataclass(frozen=True)
class Split:
    """Which documents are set apart, by the hashes of their content.

    Attributes:
        chosen: the hashes.
        end: characters that are set apart of a document that is parted.
    """

    chosen: frozenset[int]
    end: int

    @property
    def max_chars(self) -> int:
        """Of a chosen document that is set apart as a whole."""
        return NEAR * self.end

    def train(self, documents: Iterable[tuple[int, str]]) -> Iterator[str]:
        """Yield what is trained on, of hashes and documents."""
        for value, text in documents:
            if value not in self.chosen:
                yield text
            elif len(text) > self.max_chars:
                yield _cut(text, self.end)[0]

    def held_out(self, documents: Iterable[tuple[int, str]]) -> Iterator[str]:
        """Yield what is set apart."""
        for value, text in documents:
            if value in self.chosen:
                yield _cut(text, self.end)[1] if len(text) > self.max_chars else text


def split(hashes: NDArray[np.uint64], num_chars: NDArray[np.int64], ratio: float) -> Split:
    """Return which documents are set apart.

    These are the documents whose hash is below the ratio; where they hold less than a quarter of
    that share of the text, also those of the next hashes. Of a document that alone holds more than
    four times the share, only the end is set apart, and the rest is trained on. A single short
    document is trained on: no validation rows are better than no training rows.
    """
    share = ratio * int(num_chars.sum())
    end = max(int(share), MIN_VALIDATION)
    limit, held = int(ratio * 2**64), 0.0
    chosen: set[int] = set()
    # In the order of hashes, so that the choice depends on texts and not on the order of files.
    for index in np.argsort(hashes, kind="stable"):
        value, length = int(hashes[index]), int(num_chars[index])
        is_cut = length > NEAR * end
        is_last = len(chosen) == len(hashes) - 1 > 0
        if value >= limit and held and (NEAR * held >= share or (is_last and not is_cut)):
            break
        chosen.add(value)
        held += end if is_cut else length
    if len(hashes) == 1 and int(num_chars[0]) <= NEAR * end:
        chosen.clear()
    return Split(frozenset(chosen), end)


def _cut(text: str, length: int) -> tuple[str, str]:
    """Return a text in two, the second of at most this length, parted at white space if it can."""
    start = len(text) - length
    blank = re.search(r"\s", text[start:])
    end = start + blank.start() if blank and blank.end() < length else start
    return text[:end].rstrip(), text[end:].lstrip()
