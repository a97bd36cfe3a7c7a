"""The MAE decoder: puts removed tokens back from what the encoder made of the kept ones.

Legend: B rows, V kept and M removed tokens a row, D encoder width, W decoder width.
"""

import torch
from torch import Tensor, nn

from mae_bench.data.tokenizer import SEP
from mae_bench.model.backbone import build_config, build_stack
from mae_bench.specs import BackboneSpec


class Decoder(nn.Module):
    """A short stack of the backbone's own kind of layer, over kept and removed tokens together."""

    def __init__(self, spec: BackboneSpec, *, layers: int, width: int) -> None:
        """Initialise by the global generator; ``width`` is W."""
        super().__init__()
        self.project = nn.Linear(spec.width, width) if width != spec.width else nn.Identity()
        self.mask_vector = nn.Parameter(torch.randn(width) * 0.02)
        self.stack = build_stack(build_config(spec, vocab_size=SEP + 1, layers=layers, width=width))
        # Fed with vectors, never with ids: the stack's own token embedding would be dead weight.
        self.stack.set_input_embeddings(nn.Identity())  # type: ignore[operator]

    def forward(
        self,
        hidden: Tensor,
        kept_positions: Tensor,
        removed_positions: Tensor,
        is_pad: Tensor | None,
    ) -> Tensor:
        """Return [B, M, W] features at the removed positions.

        Args:
            hidden: [B, V, D] encoder output at the kept positions.
            kept_positions: [B, V] original positions.
            removed_positions: [B, M] original positions.
            is_pad: [B, V + M] over kept then removed tokens, or None.
        """
        rows, removed = removed_positions.shape
        seen = self.project(hidden)
        holes = self.mask_vector.to(seen.dtype).expand(rows, removed, -1)
        output = self.stack(
            inputs_embeds=torch.cat([seen, holes], dim=1),
            position_ids=torch.cat([kept_positions, removed_positions], dim=1),
            attention_mask=None if is_pad is None else (~is_pad).to(torch.int64),
        )
        features: Tensor = output.last_hidden_state[:, -removed:]
        return features
