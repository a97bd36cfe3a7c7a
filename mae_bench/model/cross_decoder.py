"""A decoder whose removed positions read the kept ones by cross attention, and nothing else.

Legend: B rows, S readable vectors, M removed tokens, D encoder width, W decoder width, H heads,
h = W / H.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mae_bench.backbones.modernbert import ROPE_THETA
from mae_bench.model.decoder import MaskedDecoder
from mae_bench.specs import BackboneSpec


def inner_width(spec: BackboneSpec, width: int) -> int:
    """Return the inner width of a layer's MLP, which has no gate."""
    return round(width * spec.mlp_ratio)


class CrossDecoder(MaskedDecoder):
    """Removed positions query the readable vectors; they neither read each other nor are read.

    Source: CrossMAE, Fu et al. 2024, arXiv:2401.14391. Differs: positions enter by rotation
    (RoFormer, arXiv:2104.09864), on every backbone, and every layer reads the encoder's last layer.
    """

    def __init__(
        self,
        spec: BackboneSpec,
        *,
        layers: int,
        width: int,
        heads: int | None = None,
        has_mask_vector: bool = True,
    ) -> None:
        """Initialise by the global generator; heads left out have the backbone's head size."""
        super().__init__(spec, width=width, has_mask_vector=has_mask_vector)
        heads = heads or width // (spec.width // spec.heads)
        self.head_size = width // heads
        self.memory_norm = nn.LayerNorm(width)
        inner = inner_width(spec, width)
        self.layers = nn.ModuleList(
            CrossLayer(width, heads, inner, spec.dropout_ratio) for _ in range(layers)
        )
        self.final_norm = nn.LayerNorm(width)
        for module in self.layers.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(
        self,
        hidden: Tensor,
        positions: Tensor,
        removed_positions: Tensor,
        is_pad: Tensor | None,
        mask_embedding: Tensor,
    ) -> Tensor:
        """Return [B, M, W] features at the removed positions."""
        memory = self.memory_norm(self.project(hidden))
        features = self.holes(removed_positions, mask_embedding, memory.dtype)
        turn_query = rotation(removed_positions, self.head_size)
        turn_key = rotation(positions, self.head_size)
        is_unread = None if is_pad is None else is_pad[:, None, None, : positions.shape[1]]
        for layer in self.layers:
            features = layer(features, memory, turn_query, turn_key, is_unread)
        normed: Tensor = self.final_norm(features)
        return normed


class CrossLayer(nn.Module):
    """Pre-norm cross attention, then a pre-norm MLP, each added to its input."""

    def __init__(self, width: int, heads: int, inner: int, dropout: float) -> None:
        """``width`` is W, ``inner`` the MLP's; dropout as in the backbone."""
        super().__init__()
        self.heads = heads
        self.query_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.key, self.value = nn.Linear(width, width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        features: Tensor,
        memory: Tensor,
        turn_query: Tensor,
        turn_key: Tensor,
        is_unread: Tensor | None,
    ) -> Tensor:
        """Return [B, M, W] from features [B, M, W] and memory [B, S, W]."""
        query = rotate(self._split(self.query(self.query_norm(features))), turn_query)
        key = rotate(self._split(self.key(memory)), turn_key)
        scores = query @ key.transpose(2, 3) * query.shape[-1] ** -0.5
        if is_unread is not None:
            scores = scores.masked_fill(is_unread, -torch.inf)
        weights = self.dropout(scores.float().softmax(-1)).to(memory.dtype)
        read = (weights @ self._split(self.value(memory))).transpose(1, 2).flatten(2)
        features = features + self.dropout(self.out(read))
        wider = F.gelu(self.up(self.mlp_norm(features)))
        narrowed: Tensor = self.dropout(self.down(wider))
        return features + narrowed

    def _split(self, x: Tensor) -> Tensor:
        """Return [B, H, S, h] from [B, S, W]."""
        heads: Tensor = x.unflatten(-1, (self.heads, -1))
        return heads.transpose(1, 2)


def rotation(positions: Tensor, head_size: int) -> Tensor:
    """Return [B, 1, S, h / 2] angles of [B, S] positions."""
    pair = torch.arange(0, head_size, 2, device=positions.device) / head_size
    return (positions[..., None].float() * ROPE_THETA**-pair)[:, None]


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Rotate [B, H, S, h]: coordinate i against coordinate i + h / 2, by angle i."""
    first, second = x.float().chunk(2, -1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1).to(x.dtype)


def cross_forward(spec: BackboneSpec, width: int, layers: int, read: int, removed: int) -> float:
    """Operations of one forward pass over a row with that many readable and removed positions."""
    queries = removed * (4 * width**2 + 4 * width * inner_width(spec, width))
    memory = read * 4 * width**2
    return float(layers * (queries + memory + 4 * read * removed * width))
