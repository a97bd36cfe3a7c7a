"""Noise of punctuation: marks are left out, or put in where none belongs."""

import random
import unicodedata

from mae_bench.data.languages import FULL_WIDTH, scripts_of
from mae_bench.data.noises.base import ENGLISH, NoiseContext, add_noise
from mae_bench.data.noises.words import pieces_pattern

_MARKS = {"Arabic": "،.؛:!؟", "Devanagari": "।,;:!?", "Ethiopic": "፣።፤፥!?"}
_LATIN, _FULL = ".,;:!?", "，。；：！？"


@add_noise("drop_punctuation", unit="mark", keeps_words=True)
def drop_punctuation(
    text: str, rate: float, rng: random.Random, context: NoiseContext = ENGLISH
) -> str:
    """Return the text without each punctuation mark at probability ``rate``.

    A mark is any character of Unicode's classes P, such as commas, quotes and hyphens.
    """
    draws = [rng.random() for _ in text]
    return "".join(
        character
        for character, draw in zip(text, draws, strict=True)
        if draw >= rate or unicodedata.category(character)[0] != "P"
    )


@add_noise("insert_punctuation", unit="word", keeps_words=True)
def insert_punctuation(
    text: str, rate: float, rng: random.Random, context: NoiseContext = ENGLISH
) -> str:
    """Return the text with a mark after each word at probability ``rate``.

    One of six marks of the text's script, each equally likely: AEDA (Karimi et al. 2021,
    arXiv:2108.13230), there between words.
    """
    marks = _marks(context.language)
    matches = list(pieces_pattern().finditer(text))
    draws = [(rng.random(), rng.randrange(6)) for _ in matches]
    out = [
        match.group() + (marks[which] if draw < rate else "")
        for match, (draw, which) in zip(matches, draws, strict=True)
    ]
    return "".join(out) + (text[matches[-1].end() :] if matches else text)


def _marks(language: str) -> str:
    scripts = sorted(scripts_of(language))
    if len(scripts) > 1:
        return _LATIN
    return _FULL if scripts[0] in FULL_WIDTH else _MARKS.get(scripts[0], _LATIN)
