"""Ways from token vectors to one vector of a text, and from a text's chunks to one.

Legend: B batch, K chunks, S padded length, D hidden size.
"""

from typing import Literal

from torch import Tensor, nn

from mae_bench.model.backbone import Backbone
from mae_bench.model.heads import PooledHead, Pooling, build_linear, pool


class FixedPooling(nn.Module):
    """A pooling of `mae_bench.model.heads.pool`, which learns nothing."""

    def __init__(self, name: Pooling) -> None:
        """Keep the name."""
        super().__init__()
        self.name = name

    def forward(self, hidden: Tensor, is_pad: Tensor | None) -> Tensor:
        """Return [B, D] float32 for [B, S, D]."""
        return pool(hidden, is_pad, self.name)


class AttentionPooling(nn.Module):
    """A mean weighted by softmax of one learned score a vector.

    Source: Yang et al. 2016, Hierarchical attention networks (NAACL); differs in scoring the
    vector itself, without a hidden layer.
    """

    def __init__(self, width: int, *, part: str, seed: int) -> None:
        """Draw the scoring vector, which (part, seed) decide."""
        super().__init__()
        self.score = build_linear(width, 1, part=part, seed=seed)

    def forward(self, hidden: Tensor, is_pad: Tensor | None) -> Tensor:
        """Return [B, D] float32 for [B, S, D]."""
        hidden = hidden.float()
        scores = self.score(hidden).float()
        if is_pad is not None:
            scores = scores.masked_fill(is_pad.unsqueeze(-1), float("-inf"))
        vectors: Tensor = (hidden * scores.softmax(dim=1)).sum(dim=1)
        return vectors


def build_pooling(
    name: Pooling | Literal["attention"], width: int, *, task: str, seed: int
) -> nn.Module | None:
    """Return the pooling of that name; None for the mean, which a head takes by itself."""
    if name == "attention":
        return AttentionPooling(width, part=f"pooling:{task}", seed=seed)
    return None if name == "mean" else FixedPooling(name)


class ChunkModel(nn.Module):
    """An encoder that reads the chunks of a text one by one, and the head of the text."""

    def __init__(
        self, backbone: Backbone, head: PooledHead, chunk_pooling: str, *, task: str, seed: int
    ) -> None:
        """Put a head on the mean of chunks, or on their mean weighted by attention.

        Args:
            backbone: is used itself and not copied.
            head: pools the tokens of a chunk, and reads the vector of a text.
            chunk_pooling: ``mean`` or ``attention``.
            task: whose name the weights of attention depend on.
            seed: on which they depend too.
        """
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.chunk_pooling: nn.Module | None = None
        if chunk_pooling == "attention":
            part = f"chunks:{task}"
            self.chunk_pooling = AttentionPooling(backbone.width, part=part, seed=seed)

    def forward(self, input_ids: Tensor, is_pad: Tensor) -> Tensor:
        """Return the head's outputs [B, C] for ids and padding [B, K, S]."""
        is_absent = is_pad.all(dim=-1)
        real = (~is_absent).nonzero(as_tuple=True)
        hidden = self.backbone(input_ids[real], None, is_pad[real])
        vectors = self.head.pool(hidden, is_pad[real])
        chunks = vectors.new_zeros(*is_absent.shape, vectors.shape[-1])
        chunks = chunks.index_put(real, vectors)
        if self.chunk_pooling is None:
            return self.head.read(pool(chunks, is_absent, "mean"))
        return self.head.read(self.chunk_pooling(chunks, is_absent))
