"""What the loss of a pretraining falls to without the text around the tokens that it predicts."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mae_bench.data.blocks import Blocks
from mae_bench.data.tokenizer import SPECIAL
from mae_bench.model.teacher import SPEC_FILE
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.plateau import place_entropy
from mae_bench.results import read_json

_CHUNK_ROWS = 65_536  # counted at once, so that memory does not grow with the corpus


def trained_on(checkpoint: Path) -> tuple[str, tuple[float, float, float]]:
    """Return the id of a checkpoint's rows, and its objective's ``Provisions.places``."""
    spec = read_json(checkpoint / SPEC_FILE)
    options = parse_options(spec["objective"], spec["options"])
    return spec["blocks"], OBJECTIVES.get(spec["objective"]).provides(options).places


def landmark(data: Blocks, places: tuple[float, float, float]) -> float:
    """Return the entropy, in nats a token, below which a loss shows that context is read."""
    if not places[2]:
        return data.unigram_entropy
    return place_entropy(_frequencies(data), places)


def _frequencies(data: Blocks) -> NDArray[np.int64]:
    """Return [V] counts of the text tokens of the training rows."""
    counts = np.zeros(data.vocab_size, dtype=np.int64)
    for start in range(0, len(data.rows), _CHUNK_ROWS):
        rows = np.asarray(data.rows[start : start + _CHUNK_ROWS]).ravel()
        counts += np.bincount(rows, minlength=data.vocab_size)
    return counts[len(SPECIAL) :]
