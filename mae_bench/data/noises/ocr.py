"""Noise of scanned text: characters taken for others that look like them, split or merged."""

import random

from mae_bench.data.noises.base import ENGLISH, NoiseContext, add_noise
from mae_bench.data.noises.look_alikes import look_alikes


def _refusal(language: str) -> str:
    return "" if look_alikes(language) else "no look-alikes of its script are listed"


@add_noise("ocr", unit="character", keeps_words=True, refusal=_refusal)
def ocr(text: str, rate: float, rng: random.Random, context: NoiseContext = ENGLISH) -> str:
    """Return the text with each character misread at probability ``rate``, as ``rn`` for ``m``.

    A character counts, or two that read as one, that has look-alikes; each is equally likely.
    """
    table = look_alikes(context.language)
    draws = [(rng.random(), rng.random()) for _ in text]
    out = []
    start = 0
    while start < len(text):
        unit = text[start : start + 2]
        if unit not in table:
            unit = text[start]
        hit, which = draws[start]
        others = table.get(unit, ())
        out.append(others[int(which * len(others))] if others and hit < rate else unit)
        start += len(unit)
    return "".join(out)
