"""Noise on the text of a task, before tokenising: a pure function of example, rate and seed."""

import hashlib
import random
from collections.abc import Callable, Sequence

from cachetools import LRUCache, cached

from mae_bench.errors import DataError
from mae_bench.registry import Registry
from mae_bench.seeding import seed_for
from mae_bench.specs import NoiseSpec

Noise = Callable[[str, float, random.Random], str]

NOISES: Registry[Noise] = Registry("noise", "noises")
"""Each takes (text, rate, random numbers of this example) and returns the noisy text."""

_KEY_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
MAX_CHARACTERS = 64 << 20  # of noisy texts that a process keeps
_OVERHEAD = 300  # bytes that Python takes for each
_NEVER = (1.0, 0.0, 0.0)  # a draw that hits at no rate


def apply_noise(
    spec: NoiseSpec, texts: Sequence[str], ids: Sequence[str], *, task: str, split: str, seed: int
) -> list[str]:
    """Return the texts with noise, in their order.

    Each text draws from its own generator, seeded by the stream ``noise``, its example's id and
    the text itself: neither the other texts nor their order matter, and the two texts of a pair
    differ. Rate 0 returns the texts unchanged.
    """
    operator = NOISES.get(spec.name)
    if len(texts) != len(ids):
        raise DataError(f"noise needs one id a text, got {len(texts)} texts and {len(ids)} ids")
    if spec.rate == 0:
        return list(texts)
    base = seed_for("noise", task=task, split=split, seed=seed)
    return [
        _noisy(operator, text, spec.rate, base, name) for text, name in zip(texts, ids, strict=True)
    ]


@cached(
    LRUCache(MAX_CHARACTERS, getsizeof=lambda text: len(text) + _OVERHEAD),
    key=lambda operator, text, rate, base, name: (operator, rate, base, name, text),
)
def _noisy(operator: Noise, text: str, rate: float, base: int, name: str) -> str:
    """Return one noisy text; all arms, protocols and train sizes read the same."""
    return operator(text, rate, random.Random(_key(base, name, text)))


@NOISES.register("clean")
def clean(text: str, rate: float, rng: random.Random) -> str:
    """Return the text unchanged."""
    return text


@NOISES.register("typos")
def typos(text: str, rate: float, rng: random.Random) -> str:
    """Return the text with each letter mistyped at probability ``rate``.

    A mistyped letter is swapped with the next, dropped, followed by a slipped key, or replaced
    by a neighbour on a QWERTY keyboard: one of those possible there, each equally likely. Only
    letters change and no word vanishes at once, so words stay apart. At a higher rate, the same
    letters and more are mistyped.
    """
    # drawn for every character whatever the rate, so that rates nest
    draws = [(rng.random(), rng.random(), rng.random()) for _ in text]
    letters = list(text)
    out: list[str] = []
    place, has_swapped = 0, False
    while place < len(letters):
        letter = letters[place]
        hit, which, where = draws[place]
        operator = ""
        if letter.isalpha() and hit < rate:
            possible = _possible(letters, place, can_swap=not has_swapped)
            operator = possible[int(which * len(possible))]
        has_swapped = operator == "swap"
        if has_swapped:
            # the next letter comes first and may still be hit, by its own draw
            letters[place : place + 2] = [letters[place + 1], letter]
            draws[place : place + 2] = [draws[place + 1], _NEVER]
            continue
        out.append(_typed(letter, operator, where))
        place += 1
    return "".join(out)


def _possible(letters: list[str], place: int, can_swap: bool) -> list[str]:
    letter = letters[place]
    before = letters[place - 1] if place else " "
    after = letters[place + 1] if place + 1 < len(letters) else " "
    operators = ["insert"]
    if can_swap and after.isalpha() and after != letter:
        operators.append("swap")
    if before.isalpha() or after.isalpha():
        operators.append("drop")
    if letter.lower() in NEIGHBOURS:
        operators.append("neighbour")
    return operators


def _typed(letter: str, operator: str, where: float) -> str:
    if not operator:
        return letter
    if operator == "drop":
        return ""
    keys = NEIGHBOURS.get(letter.lower(), letter)
    key = keys[int(where * len(keys))]
    key = key.upper() if letter.isupper() else key
    return key if operator == "neighbour" else letter + key


def _key(base: int, name: str, text: str) -> int:
    data = f"{base} {name}\n{text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def _neighbours() -> dict[str, str]:
    """Return for each letter the letters that touch its key; rows are half a key apart."""
    places = {
        letter: (column + 0.5 * row, row)
        for row, keys in enumerate(_KEY_ROWS)
        for column, letter in enumerate(keys)
    }
    return {
        letter: "".join(
            other
            for other, (u, v) in places.items()
            if other != letter and abs(u - x) <= 1 and abs(v - y) <= 1
        )
        for letter, (x, y) in places.items()
    }


NEIGHBOURS = _neighbours()
