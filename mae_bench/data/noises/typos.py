"""Slips of the fingers on a keyboard."""

import random

from mae_bench.data.noises.base import ENGLISH, NoiseContext, add_noise
from mae_bench.data.noises.keyboards import neighbours

_NEVER = (1.0, 0.0, 0.0)  # the draw of a letter that must not be hit again, at any rate


@add_noise("typos", unit="letter", keeps_words=True)
def typos(text: str, rate: float, rng: random.Random, context: NoiseContext = ENGLISH) -> str:
    """Return the text with each letter mistyped at probability ``rate``.

    A mistyped letter is swapped with the next, dropped, followed by a slipped key, or replaced
    by a neighbour on the keyboard of the text's language: one of those possible there, each
    equally likely. Only letters change and no word vanishes at once, so words stay apart. At a
    higher rate, the same letters and more are mistyped.
    """
    keys = neighbours(context.language)
    # Drawn for every character whatever the rate: a higher rate then hits the same letters and
    # more, so that two rates differ by their rate alone.
    draws = [(rng.random(), rng.random(), rng.random()) for _ in text]
    letters = list(text)
    out: list[str] = []
    index, has_swapped = 0, False
    while index < len(letters):
        letter = letters[index]
        hit, which, where = draws[index]
        operator = ""
        if letter.isalpha() and hit < rate:
            possible = _possible(letters, index, keys, can_swap=not has_swapped)
            operator = possible[int(which * len(possible))]
        has_swapped = operator == "swap"
        if has_swapped:
            # the next letter comes first and may still be hit, by its own draw
            letters[index : index + 2] = [letters[index + 1], letter]
            draws[index : index + 2] = [draws[index + 1], _NEVER]
            continue
        out.append(_typed(letter, operator, where, keys))
        index += 1
    return "".join(out)


def _possible(letters: list[str], index: int, keys: dict[str, str], can_swap: bool) -> list[str]:
    """Return the typing errors that a letter can have where it stands."""
    letter = letters[index]
    before = letters[index - 1] if index else " "
    after = letters[index + 1] if index + 1 < len(letters) else " "
    operators = ["insert"]
    if can_swap and after.isalpha() and after != letter:
        operators.append("swap")
    if before.isalpha() or after.isalpha():
        operators.append("drop")
    if letter.lower() in keys:
        operators.append("neighbour")
    return operators


def _typed(letter: str, operator: str, where: float, keys: dict[str, str]) -> str:
    if not operator:
        return letter
    if operator == "drop":
        return ""
    near = keys.get(letter.lower(), letter)
    key = near[int(where * len(near))]
    key = key.upper() if letter.isupper() else key
    return key if operator == "neighbour" else letter + key
