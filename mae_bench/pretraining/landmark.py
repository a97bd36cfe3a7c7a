"""What the loss of a pretraining falls to without the text around the tokens that it predicts."""

from mae_bench.data.blocks import Blocks
from mae_bench.data.rows import count_tokens
from mae_bench.data.tokenizer import SPECIAL
from mae_bench.plateau import place_entropy


def landmark(data: Blocks, places: tuple[float, float, float] | None) -> float:
    """Return the entropy, in nats a token, below which a loss shows that context is read.

    Args:
        data: what the objective was trained on.
        places: `Provisions.places` of the objective.
    """
    if places is None or not places[2]:
        return data.unigram_entropy
    return place_entropy(count_tokens(data.rows, data.vocab_size)[len(SPECIAL) :], places)
