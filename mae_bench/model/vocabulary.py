"""The vocabulary head and its loss, at predicted positions only.

Legend: N predicted tokens, W input width, D embedding width, V vocabulary size.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mae_bench.model.means import Number, at_least_one
from mae_bench.model.start import own_start

CHUNK = 16_384  # predicted tokens whose logits are held at once


class VocabularyHead(nn.Module):
    """BERT's head: dense, GELU, norm, then the transposed input embedding and a bias.

    Source: Devlin et al. 2019, arXiv:1810.04805. The embedding is passed in, not owned: it is
    tied to the backbone's.
    """

    def __init__(self, width: int, embedding_width: int, vocab_size: int, *, seed: int) -> None:
        """Start from weights that depend on the seed and the sizes alone; ``width`` is W."""
        super().__init__()
        with own_start(seed, "vocabulary"):
            self.dense = nn.Linear(width, embedding_width)
        self.norm = nn.LayerNorm(embedding_width)
        self.bias = nn.Parameter(torch.zeros(vocab_size))

    def features(self, hidden: Tensor) -> Tensor:
        """Return [N, D] from [N, W]."""
        normed: Tensor = self.norm(F.gelu(self.dense(hidden)))
        return normed

    def forward(self, hidden: Tensor, embedding: Tensor) -> Tensor:
        """Return [N, V] logits from [N, W] features and the [V, D] embedding."""
        return F.linear(self.features(hidden), embedding, self.bias)

    def loss(self, hidden: Tensor, embedding: Tensor, targets: Tensor, number: Number) -> Tensor:
        """Return the mean cross-entropy, in nats, of [N, W] features against [N] targets.

        Logits are made a chunk of tokens at a time: evaluation never holds N x V of them.
        ``number`` counts the targets that are no filling (`IGNORED`).
        """
        total = torch.zeros((), device=hidden.device)
        for part in _chunks(targets):
            # fp32: a softmax over V tokens adds up terms that bf16 would drop
            logits = self(hidden[part], embedding).float()
            total = total + F.cross_entropy(logits, targets[part], reduction="sum")
        return total / at_least_one(number)

    @torch.no_grad()
    def accuracy(self, hidden: Tensor, embedding: Tensor, targets: Tensor) -> Tensor:
        """Return the share of targets that the largest logit names."""
        correct = torch.zeros((), device=hidden.device)
        for part in _chunks(targets):
            correct += (self(hidden[part], embedding).argmax(-1) == targets[part]).sum()
        return correct / max(1, len(targets))

    @torch.no_grad()
    def scores(self, hidden: Tensor, embedding: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return [N] the log-probability of each target, in nats, and whether it is the likeliest.

        A chunk of logits at a time, as `loss`.
        """
        nats, is_best = [], []
        for part in _chunks(targets):
            logits, wanted = self(hidden[part], embedding).float(), targets[part]
            nats.append(-F.cross_entropy(logits, wanted, reduction="none"))
            is_best.append(logits.argmax(-1) == wanted)
        return torch.cat(nats), torch.cat(is_best)


def _chunks(targets: Tensor) -> list[slice]:
    """Return at least one chunk: without targets a loss is 0, with a gradient of 0."""
    return [slice(start, start + CHUNK) for start in range(0, max(1, len(targets)), CHUNK)]
