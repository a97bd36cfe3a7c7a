"""A vocabulary head that may also copy the token it is given.

Legend: N predicted tokens, W width, D embedding width, V vocabulary size.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

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
    ) -> Tensor:
        """Return the mean of -log(g [given = target] + (1 - g) p(target)), in nats.

        Args:
            features: [N, W].
            head: that gives p.
            embedding: [V, D] that the head is tied to.
            targets: [N] the tokens to predict.
            given: [N] the tokens that the encoder was shown there.
        """
        total = torch.zeros((), device=features.device)
        for start in range(0, max(1, len(targets)), CHUNK):
            part = slice(start, start + CHUNK)
            gate = self.gate(features[part]).squeeze(-1).float()
            logits = head(features[part], embedding).float()
            made = F.logsigmoid(-gate) - F.cross_entropy(logits, targets[part], reduction="none")
            # In logarithms: the product of a small g and a small p would be 0.
            copied = F.logsigmoid(gate).masked_fill(given[part] != targets[part], -math.inf)
            total = total - torch.logaddexp(made, copied).sum()
        return total / max(1, len(targets))
