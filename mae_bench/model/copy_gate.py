"""A vocabulary head that may also copy the token it is given.

Legend: N predicted tokens, W width, D embedding width, V vocabulary size.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mae_bench.model.means import IGNORED, Number, at_least_one
from mae_bench.model.vocabulary import CHUNK, VocabularyHead


class CopyGate(nn.Module):
    """The probability g that a token is the one given, learned from its features.

    Source: the all-tokens MLM of Clark et al. 2020, arXiv:2003.10555, section 3.4.
    """

    def __init__(self, width: int) -> None:
        """Initialise by the global generator; ``width`` is W."""
        super().__init__()
        self.gate = nn.Linear(width, 1)

    def loss(
        self,
        features: Tensor,
        head: VocabularyHead,
        embedding: Tensor,
        *,
        targets: Tensor,
        given: Tensor,
        number: Number,
    ) -> Tensor:
        """Return the mean of -log(g [given = target] + (1 - g) p(target)), in nats.

        Args:
            features: [N, W].
            head: that gives p.
            embedding: [V, D] that the head is tied to.
            targets: [N] the tokens to predict; `IGNORED` at filling.
            given: [N] the tokens that the encoder was shown there.
            number: of the targets that are no filling.
        """
        total = torch.zeros((), device=features.device)
        for start in range(0, max(1, len(targets)), CHUNK):
            part = slice(start, start + CHUNK)
            gate = self.gate(features[part]).squeeze(-1).float()
            logits = head(features[part], embedding).float()
            made = F.logsigmoid(-gate) - F.cross_entropy(logits, targets[part], reduction="none")
            # In logarithms: the product of a small g and a small p would be 0.
            copied = F.logsigmoid(gate).masked_fill(given[part] != targets[part], -math.inf)
            nats = torch.logaddexp(made, copied)
            if isinstance(number, Tensor):
                nats = nats.masked_fill(targets[part] == IGNORED, 0.0)
            total = total - nats.sum()
        return total / at_least_one(number)
