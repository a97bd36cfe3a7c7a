"""Slips of the fingers on a keyboard."""

import random

from mae_bench.data.noises.base import ENGLISH, NoiseContext, add_noise
from mae_bench.data.noises.keyboards import neighbours

_NEVER = (1.0, 0.0, 0.0)  # a draw that hits at no rate


@add_noise("typos", unit="letter", keeps_words=True)
def typos(text: str, rate: float, rng: random.Random, context: NoiseContext = ENGLISH) -> str:
    """Return the text with each letter mistyped at probability ``rate``.

    A mistyped letter is swapped with the next, dropped, followed by a slipped key, or replaced
    by a neighbour on the keyboard of the text's language: one of those possible there, each
    equally likely. Only letters change and no word vanishes at once, so words stay apart. At a
    higher rate, the same letters and more are mistyped.
    """
    keys = neighbours(context.language)
    # drawn for every character whatever the rate, so that rates nest
    draws = [(rng.random(), rng.random(), rng.random()) for _ in text]
    letters = list(text)
    out: list[str] = []
    position, has_swapped = 0, False
    while position < len(letters):
        letter = letters[position]
        hit, which, where = draws[position]
        operator = ""
        if letter.isalpha() and hit < rate:
            possible = _possible(letters, position, keys, can_swap=not has_swapped)
            operator = possible[int(which * len(possible))]
        has_swapped = operator == "swap"
        if has_swapped:
            # the next letter comes first and may still be hit, by its own draw
            letters[position : position + 2] = [letters[position + 1], letter]
            draws[position : position + 2] = [draws[position + 1], _NEVER]
            continue
        out.append(_typed(letter, operator, where, keys))
        position += 1
    return "".join(out)


def _possible(letters: list[str], position: int, keys: dict[str, str], can_swap: bool) -> list[str]:
    letter = letters[position]
    before = letters[position - 1] if position else " "
    after = letters[position + 1] if position + 1 < len(letters) else " "
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
