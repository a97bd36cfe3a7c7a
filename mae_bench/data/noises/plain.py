"""Noises that change no text: none at all, and that of labels."""

import random

from mae_bench.data.noises.base import ENGLISH, NoiseContext, add_noise


@add_noise("clean", unit="text", keeps_words=True)
def clean(text: str, rate: float, rng: random.Random, context: NoiseContext = ENGLISH) -> str:
    """Return the text unchanged."""
    return text


@add_noise("labels", unit="label", keeps_words=True)
def labels(text: str, rate: float, rng: random.Random, context: NoiseContext = ENGLISH) -> str:
    """Return the text unchanged: it is the labels to learn from that get another class.

    The task's kind does that (`mae_bench.tasks.mislabel`).
    """
    return text
