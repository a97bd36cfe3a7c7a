"""What stands between an encoder's hidden vectors and a task's outputs.

Legend: B batch, S padded length, D hidden size, C outputs.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from mae_bench.model.backbone import Backbone
from mae_bench.seeding import seed_for

Pooling = Literal["mean", "cls", "last", "max"]


def pool(hidden: Tensor, is_pad: Tensor | None, pooling: Pooling) -> Tensor:
    """Return [B, D] float32 from hidden vectors [B, S, D].

    ``mean`` averages all tokens that are not padding, [CLS] and [SEP] included;
    ``cls`` takes the first token, ``last`` the last that is not padding, which alone has read a
    whole text from left to right; ``max`` the highest value of each feature among them.
    """
    if pooling == "cls":
        return hidden[:, 0].float()
    if pooling == "last":
        if is_pad is None:
            return hidden[:, -1].float()
        last = (~is_pad).sum(dim=1).clamp(min=1) - 1
        return hidden[torch.arange(len(hidden), device=hidden.device), last].float()
    if pooling == "max":
        if is_pad is not None:
            hidden = hidden.masked_fill(is_pad.unsqueeze(-1), float("-inf"))
        return hidden.amax(dim=1).float()
    hidden = hidden.float()  # a bf16 sum over a long text would lose digits
    if is_pad is None:
        return hidden.mean(dim=1)
    is_real = (~is_pad).unsqueeze(-1).to(hidden.dtype)
    return (hidden * is_real).sum(dim=1) / is_real.sum(dim=1).clamp(min=1.0)


def build_linear(width: int, num_outputs: int, *, part: str, seed: int) -> nn.Linear:
    """Return a linear layer with weights of N(0, 0.02^2) and zero biases (as BERT's heads).

    The weights depend on (seed, part) alone, never on the objective or the device.
    """
    generator = torch.Generator().manual_seed(seed_for("head", seed=seed, part=part))
    with torch.device("meta"):  # without a draw from the global generator
        linear = nn.Linear(width, num_outputs)
    linear = linear.to_empty(device="cpu")
    with torch.no_grad():
        linear.weight.normal_(0.0, 0.02, generator=generator)
        linear.bias.zero_()
    return linear


def segments_of(input_ids: Tensor, separator: int) -> Tensor:
    """Return [B, S]: 0 up to the first separator, that one too, and 1 after it."""
    is_end = (input_ids == separator).long()
    return (is_end.cumsum(dim=1) - is_end).clamp(max=1)


class LinearHead(nn.Module):
    """Dropout and a linear layer."""

    def __init__(
        self, width: int, num_outputs: int, *, dropout: float, task: str, seed: int
    ) -> None:
        """Draw the weights, which the task's name and the seed of the fine-tune decide."""
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = build_linear(width, num_outputs, part=f"task:{task}", seed=seed)


class PooledHead(LinearHead):
    """Pooling, dropout and a linear layer: the head of a label for a whole text.

    Attributes:
        pooling: called with hidden vectors and ``is_pad``; None for their mean.
    """

    pooling: nn.Module | None

    def __init__(
        self, width: int, num_outputs: int, *, dropout: float, task: str, seed: int
    ) -> None:
        """Draw the weights of the linear layer; the pooling is set from outside."""
        super().__init__(width, num_outputs, dropout=dropout, task=task, seed=seed)
        self.pooling = None

    def forward(self, hidden: Tensor, is_pad: Tensor | None) -> Tensor:
        """Return outputs [B, C] float32 for hidden vectors [B, S, D]."""
        return self.read(self.pool(hidden, is_pad))

    def pool(self, hidden: Tensor, is_pad: Tensor | None) -> Tensor:
        """Return text vectors [B, D] float32 of hidden vectors [B, S, D]."""
        if self.pooling is None:
            return pool(hidden, is_pad, "mean")
        vectors: Tensor = self.pooling(hidden, is_pad)
        return vectors

    def read(self, vectors: Tensor) -> Tensor:
        """Return outputs [B, C] float32 of text vectors [B, D]."""
        output: Tensor = self.linear(self.dropout(vectors))
        return output.float()


class TokenHead(LinearHead):
    """Dropout and a linear layer on every token: the head of labels for parts of a text."""

    def forward(self, hidden: Tensor, is_pad: Tensor | None) -> Tensor:
        """Return outputs [B, S, C] float32 for hidden vectors [B, S, D]; 0 at padding."""
        outputs: Tensor = self.linear(self.dropout(hidden)).float()
        return outputs if is_pad is None else outputs.masked_fill(is_pad.unsqueeze(-1), 0.0)


class VectorHead(nn.Module):
    """The mean of a text's token vectors as it is: the head of what compares texts."""

    def forward(self, hidden: Tensor, is_pad: Tensor | None) -> Tensor:
        """Return text vectors [B, D] float32 of hidden vectors [B, S, D]."""
        return pool(hidden, is_pad, "mean")


class TaskModel(nn.Module):
    """An encoder and the head of a task: what a fine-tune trains."""

    def __init__(self, backbone: Backbone, head: nn.Module, separator: int | None = None) -> None:
        """Put a head on the backbone, which is used itself and not copied.

        Args:
            backbone: in training with its own dropout.
            head: called with hidden vectors [B, S, D] and ``is_pad``.
            separator: id of the token that ends a text, where rows are pairs; an encoder that
                has segments then gets them.
        """
        super().__init__()
        self.backbone = backbone
        self.separator = separator if backbone.has_segments else None
        self.head = head

    def forward(self, input_ids: Tensor, is_pad: Tensor | None) -> Tensor:
        """Return the head's outputs [B, ...] for ids [B, S].

        Of examples that are K texts each, ids and padding are [B, K, S] and outputs [B, K, ...].
        """
        if input_ids.dim() == 3:
            flat = self(input_ids.flatten(0, 1), None if is_pad is None else is_pad.flatten(0, 1))
            return flat.unflatten(0, input_ids.shape[:2])  # type: ignore[no-any-return]
        segments = None if self.separator is None else segments_of(input_ids, self.separator)
        hidden = self.backbone(input_ids, None, is_pad, segments=segments)
        outputs: Tensor = self.head(hidden, is_pad)
        return outputs
