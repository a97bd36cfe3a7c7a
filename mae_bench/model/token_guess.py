"""Predicted tokens before their logits are made: features, and the vocabulary head that reads them.

What a loss, an accuracy, a likelihood and a distribution are made of. Legend: N predicted tokens, W
input width of the head, D embedding width, V vocabulary size.
"""

from dataclasses import dataclass

from torch import Tensor

from mae_bench.model.means import Number
from mae_bench.model.vocabulary import VocabularyHead


@dataclass(frozen=True)
class TokenGuess:
    """What a vocabulary head is asked for the predicted tokens of a view, row by row.

    Attributes:
        head: that reads the features.
        features: [N, W].
        embedding: [V, D] that the head is tied to.
        targets: [N] the ids that should be predicted.
    """

    head: VocabularyHead
    features: Tensor
    embedding: Tensor
    targets: Tensor

    def loss(self, number: Number) -> Tensor:
        """Return the mean cross-entropy in nats over so many targets, those that are no filling."""
        return self.head.loss(self.features, self.embedding, self.targets, number)

    def accuracy(self) -> Tensor:
        """Return the share of targets that the largest logit names."""
        return self.head.accuracy(self.features, self.embedding, self.targets)

    def scores(self) -> tuple[Tensor, Tensor]:
        """Return [N] the log-probability of each target, and whether it is the likeliest."""
        return self.head.scores(self.features, self.embedding, self.targets)

    def logits(self) -> Tensor:
        """Return [N, V] in float32."""
        logits: Tensor = self.head(self.features, self.embedding)
        return logits.float()
