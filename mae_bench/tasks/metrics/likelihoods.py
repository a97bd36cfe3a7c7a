"""Scores of texts whose labels are lengths in characters, and whose predictions are nats."""

import math

import numpy as np

from mae_bench.tasks.metrics.base import Values, of_any_classes


def _bits_per_character(labels: Values, predictions: Values) -> float:
    """Return the bits of all texts over their characters: no unit that a tokenizer chooses."""
    return float(np.sum(predictions) / (math.log(2) * np.sum(labels)))


for _measure in ("pseudo", "causal"):
    of_any_classes(f"{_measure}_bits_per_character")(_bits_per_character)
