"""A small causal decoder that reads an encoder by cross attention.

Legend: B rows, N decoder positions, S encoder positions, D encoder width, W decoder width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mae_bench.specs import BackboneSpec


def inner_width(spec: BackboneSpec, width: int) -> int:
    """Return the inner width of a layer's MLP, which has no gate."""
    return round(width * spec.mlp_ratio)


class SequenceDecoder(nn.Module):
    """Pre-norm Transformer layers: causal self-attention, cross attention, MLP.

    Source: T5, Raffel et al. 2020, arXiv:1910.10683. Differs: learned absolute positions instead
    of relative biases, and numbers of the marks: a decoder position and an encoder position
    with the same number get the same learned vector, as T5's numbered sentinels do.
    """

    def __init__(self, spec: BackboneSpec, *, layers: int, width: int) -> None:
        """Initialise by the global generator; heads have the backbone's size, ``width`` is W."""
        super().__init__()
        is_wide = width == spec.width
        self.embed = nn.Identity() if is_wide else nn.Linear(spec.width, width)
        self.read = nn.Identity() if is_wide else nn.Linear(spec.width, width)
        self.positions = nn.Embedding(spec.max_length, width)
        self.numbers = nn.Embedding(spec.max_length, width)
        self.memory_norm, self.final_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        heads = width // (spec.width // spec.heads)
        inner = inner_width(spec, width)
        self.layers = nn.ModuleList(
            SequenceLayer(width, heads, inner, spec.dropout_ratio) for _ in range(layers)
        )
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(
        self,
        tokens: Tensor,
        numbers: Tensor,
        hidden: Tensor,
        hidden_numbers: Tensor,
        is_pad: Tensor | None,
    ) -> Tensor:
        """Return [B, N, W] features, each from the decoder positions up to its own.

        Args:
            tokens: [B, N, D] token vectors.
            numbers: [B, N] number of the mark at or before each decoder position.
            hidden: [B, S, D] encoder output.
            hidden_numbers: [B, S] number of the mark at each encoder position, 0 where none is.
            is_pad: [B, S], True at encoder positions that are not read; None where all are.
        """
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        features = self.embed(tokens) + self.positions(positions) + self.numbers(numbers)
        memory = self.memory_norm(self.read(hidden) + self.numbers(hidden_numbers))
        is_read = None if is_pad is None else ~is_pad[:, None, None, :]
        for layer in self.layers:
            features = layer(features, memory, is_read)
        normed: Tensor = self.final_norm(features)
        return normed


class SequenceLayer(nn.Module):
    """Three pre-norm sublayers, each added to its input."""

    def __init__(self, width: int, heads: int, inner: int, dropout: float) -> None:
        """``width`` is W, ``inner`` the MLP's; dropout as in the backbone."""
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.own, self.cross = Attention(width, heads), Attention(width, heads)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor, memory: Tensor, is_read: Tensor | None) -> Tensor:
        """Return [B, N, W] from features [B, N, W] and memory [B, S, W]."""
        own = self.norms[0](features)
        features = features + self.dropout(self.own(own, own, None, is_causal=True))
        crossed = self.cross(self.norms[1](features), memory, is_read, is_causal=False)
        features = features + self.dropout(crossed)
        wider = F.gelu(self.up(self.norms[2](features)))
        narrowed: Tensor = self.dropout(self.down(wider))
        return features + narrowed


class Attention(nn.Module):
    """Multi-head attention of one sequence to another."""

    def __init__(self, width: int, heads: int) -> None:
        """``width`` is W."""
        super().__init__()
        self.heads = heads
        self.query, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.key, self.value = nn.Linear(width, width), nn.Linear(width, width)

    def forward(
        self, features: Tensor, memory: Tensor, is_read: Tensor | None, *, is_causal: bool
    ) -> Tensor:
        """Return [B, N, W]; ``is_read`` is [B, 1, 1, S], False at positions that are not read."""
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(features), self.key(memory), self.value(memory))
        )
        mixed = F.scaled_dot_product_attention(
            query, key, value, attn_mask=is_read, is_causal=is_causal
        )
        output: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return output


def sequence_forward(
    spec: BackboneSpec, *, layers: int, width: int, length: int, memory: int
) -> float:
    """Operations of one forward pass over ``length`` positions that read ``memory`` others.

    Attention costs as much as without the causal mask: the kernel computes the hidden scores.
    """
    own = length * (8 * width**2 + 4 * length * width)
    cross = length * (4 * width**2 + 4 * memory * width) + memory * 4 * width**2
    mlp = length * 4 * width * inner_width(spec, width)
    project = 0.0 if width == spec.width else 2.0 * (length + memory) * spec.width * width
    return float(layers * (own + cross + mlp) + project)
