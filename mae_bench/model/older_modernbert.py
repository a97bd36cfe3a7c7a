"""ModernBERT of transformers 5.0, held to what later versions do.

There layers choose local attention by their number, whatever `layer_types` says; the encoder takes
no scores of pairs of tokens, and compiles parts of itself. Nothing here touches an encoder of a
later version.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from mae_bench.model.attention_mask import UNSEEN, in_window


def is_older(encoder: nn.Module) -> bool:
    """Whether it is a ModernBERT of those versions; it makes both masks itself."""
    return hasattr(encoder, "_update_attention_mask")


def follow_later_modernbert(encoder: nn.Module) -> None:
    """Let an older ModernBERT take scores, and its layers be what its config says."""
    if not is_older(encoder):
        return
    old: Any = encoder
    old.config.reference_compile = False  # a step is compiled as a whole or not at all
    old._can_set_attn_implementation = _can  # every pass reads it of the config
    reach = old.config.local_attention // 2
    old._update_attention_mask = partial(_both_masks, reach=reach)
    for layer, kind in zip(old.layers, old.config.layer_types, strict=True):
        is_local = kind == "sliding_attention"
        layer.attn.local_attention = (reach, reach) if is_local else (-1, -1)


def _both_masks(
    attention_mask: Tensor, output_attentions: bool, *, reach: int
) -> tuple[Tensor, Tensor]:
    """Return the scores of layers of full attention, and of those that see ``reach`` tokens far."""
    del output_attentions
    if attention_mask.dim() == 2:
        attention_mask = torch.where(attention_mask == 0, UNSEEN, 0.0)[:, None, None]
    return attention_mask, in_window(attention_mask, reach)


def _can() -> bool:
    return True
