"""Decoders: put removed tokens back from what the encoder made of the kept ones.

Legend: B rows, S vectors a row that may be read, M removed tokens, D encoder width,
W decoder width.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from mae_bench.data.tokenizer import SEP
from mae_bench.model.backbone import build_config, build_stack
from mae_bench.model.last_layer import can_skip, states_at
from mae_bench.specs import BackboneSpec


class MaskedDecoder(nn.Module, ABC):
    """What every decoder starts from: readable vectors and one vector at each removed position."""

    mask_vector: nn.Parameter | None

    def __init__(self, spec: BackboneSpec, *, width: int, has_mask_vector: bool) -> None:
        """Initialise by the global generator; ``width`` is W."""
        super().__init__()
        self.project = nn.Linear(spec.width, width) if width != spec.width else nn.Identity()
        self.mask_vector = nn.Parameter(torch.randn(width) * 0.02) if has_mask_vector else None

    def holes(
        self, removed_positions: Tensor, mask_embedding: Tensor, dtype: torch.dtype
    ) -> Tensor:
        """Return [B, M, W]: the learned vector, or else the projected [D] ``mask_embedding``."""
        vector = self.project(mask_embedding) if self.mask_vector is None else self.mask_vector
        return vector.to(dtype).expand(*removed_positions.shape, -1)

    def decode_sets(
        self,
        hidden: Tensor,
        positions: Tensor,
        is_pad: Tensor | None,
        removed: tuple[Tensor, Tensor | None],
        mask_embedding: Tensor,
        sets: tuple[int, Tensor] | None,
    ) -> Tensor:
        """Return [B, M, W] features at removed positions that are decoded at once, or set by set.

        Args:
            hidden: [B, S, D] encoder output.
            positions: [B, S].
            is_pad: [B, S], or None.
            removed: positions [B, M], and is_target [B, M] or None.
            mask_embedding: [D].
            sets: how many, the parts of `torch.tensor_split`, and the removed tokens' embeddings
                [B, M, D], which the passes of the other sets read; None for one set.
        """
        removed_positions, is_target = removed
        is_unread = None if is_pad is None or is_target is None else (is_pad, ~is_target)
        if sets is None:
            pads = None if is_unread is None else torch.cat(is_unread, dim=1)
            features: Tensor = self(hidden, positions, removed_positions, pads, mask_embedding)
            return features
        num_sets, vectors = sets
        parts = torch.arange(
            removed_positions.shape[1], device=removed_positions.device
        ).tensor_split(num_sets)
        decoded = []
        for part in parts:
            rest = torch.cat([other for other in parts if other is not part])
            pads = None
            if is_unread is not None:
                is_kept_pad, is_filler = is_unread
                pads = torch.cat([is_kept_pad, is_filler[:, rest], is_filler[:, part]], dim=1)
            read = torch.cat([hidden, vectors[:, rest].to(hidden.dtype)], dim=1)
            read_positions = torch.cat([positions, removed_positions[:, rest]], dim=1)
            decoded.append(
                self(read, read_positions, removed_positions[:, part], pads, mask_embedding)
            )
        return torch.cat(decoded, dim=1)

    @abstractmethod
    def forward(
        self,
        hidden: Tensor,
        positions: Tensor,
        removed_positions: Tensor,
        is_pad: Tensor | None,
        mask_embedding: Tensor,
    ) -> Tensor:
        """Return [B, M, W] features at the removed positions.

        Args:
            hidden: [B, S, D] vectors that may be read: encoder output, or token embeddings.
            positions: [B, S] their original positions.
            removed_positions: [B, M] original positions.
            is_pad: [B, S + M] over readable then removed positions, or None.
            mask_embedding: [D] the encoder's embedding of [MASK]; ignored by a decoder that has
                a mask vector of its own.
        """


class Decoder(MaskedDecoder):
    """A short stack of the backbone's own kind of layer, over readable and removed together."""

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
        self.stack = build_stack(
            build_config(spec, vocab_size=SEP + 1, layers=layers, width=width, heads=heads)
        )
        # Fed with vectors, never with ids: the stack's own token embedding would be dead weight.
        self.stack.set_input_embeddings(nn.Identity())  # type: ignore[operator]

    def forward(
        self,
        hidden: Tensor,
        positions: Tensor,
        removed_positions: Tensor,
        is_pad: Tensor | None,
        mask_embedding: Tensor,
    ) -> Tensor:
        """Return [B, M, W] features at the removed positions."""
        seen = self.project(hidden)
        holes = self.holes(removed_positions, mask_embedding, seen.dtype)
        vectors = torch.cat([seen, holes], dim=1)
        everywhere = torch.cat([positions, removed_positions], dim=1)
        if can_skip(self.stack):
            own = torch.arange(positions.shape[1], vectors.shape[1], device=vectors.device)
            at = own.expand(removed_positions.shape)
            return states_at(self.stack, at, everywhere, is_pad, inputs_embeds=vectors)
        output = self.stack(
            inputs_embeds=vectors,
            position_ids=everywhere,
            attention_mask=None if is_pad is None else (~is_pad).to(torch.int64),
        )
        features: Tensor = output.last_hidden_state[:, -removed_positions.shape[1] :]
        return features
