"""Noise of capitals: letters of the wrong case, texts all small or all capital."""

import random

from mae_bench.data.languages import CASED, scripts_of
from mae_bench.data.noises.base import ENGLISH, NoiseContext, add_noise


def _refusal(language: str) -> str:
    return "" if scripts_of(language) & CASED else "its script has no capitals"


@add_noise("random_case", unit="letter", keeps_words=True, refusal=_refusal)
def random_case(text: str, rate: float, rng: random.Random, context: NoiseContext = ENGLISH) -> str:
    """Return the text with each letter turned small or capital at probability ``rate``.

    A letter counts that has one letter of the other case.
    """
    draws = [rng.random() for _ in text]
    return "".join(
        letter.swapcase() if draw < rate and len(letter.swapcase()) == 1 else letter
        for letter, draw in zip(text, draws, strict=True)
    )


@add_noise("lower_case", unit="text", keeps_words=True, refusal=_refusal)
def lower_case(text: str, rate: float, rng: random.Random, context: NoiseContext = ENGLISH) -> str:
    """Return the text all in small letters, at probability ``rate``; rate 1 is every text."""
    return text.lower() if rng.random() < rate else text


@add_noise("upper_case", unit="text", keeps_words=True, refusal=_refusal)
def upper_case(text: str, rate: float, rng: random.Random, context: NoiseContext = ENGLISH) -> str:
    """Return the text all in capitals, at probability ``rate``; rate 1 is every text."""
    return text.upper() if rng.random() < rate else text
