"""Texts that are lists of words, kept as one string: each word on a line of its own.

So every task has one text an example. Words stay as they are, with blanks inside and empty ones
among them; only a line break cannot stand in a word.
"""

from collections.abc import Iterable

END = "\n"  # after each word, so that no word and one empty word differ


def join_words(words: Iterable[str]) -> str:
    """Return the words as one text, which `split_words` takes apart again.

    Raises:
        ValueError: a word holds a line break.
    """
    listed = list(words)
    if any(END in word for word in listed):
        raise ValueError("a word holds a line break")
    return "".join(word + END for word in listed)


def split_words(text: str) -> list[str]:
    """Return the words of a text that `join_words` made."""
    return text.split(END)[:-1]
