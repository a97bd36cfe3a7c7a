"""Which tokens of a row may attend to which, in the form that transformers encoders take.

Legend: B rows, S tokens a row. The only place that converts the polarity of attention masks.
"""

import torch
from torch import Tensor

# Added to the attention scores of pairs that must not see each other. Not the smallest float32:
# rounded to bf16 that is minus infinity, and a row of those has no softmax.
UNSEEN = -1e9


def attention_mask(
    ids: Tensor, is_pad: Tensor | None, *, is_causal: bool = False, is_unseen: Tensor | None = None
) -> Tensor | None:
    """Return None where all tokens see all, [B, S] with 1 at real tokens, or [*, 1, S, S] scores.

    The scores are added before the softmax, by eager and fused attention alike. Every token sees
    itself, padding too: no softmax is empty.

    Args:
        ids: [B, S], for shape and device.
        is_pad: [B, S], True where a token is padding; None where there is none.
        is_causal: whether a token sees only itself and those before it in the sequence.
        is_unseen: [B, S], True at tokens that no other token sees; None where there are none.
    """
    if not is_causal and is_unseen is None:
        return None if is_pad is None else (~is_pad).to(torch.int64)
    length = ids.shape[1]
    everywhere = torch.ones(1, length, length, dtype=torch.bool, device=ids.device)
    is_visible = everywhere.tril() if is_causal else everywhere
    for is_absent in (is_pad, is_unseen):
        if is_absent is not None:
            is_visible = is_visible & ~is_absent[:, None, :]
    is_visible = is_visible | torch.eye(length, dtype=torch.bool, device=ids.device)
    return torch.where(is_visible, 0.0, UNSEEN)[:, None]


def in_window(scores: Tensor, reach: int) -> Tensor:
    """Return scores [*, 1, S, S] by which a token sees none that stands further off than that.

    Args:
        scores: [*, 1, S, S], or [*, 1, 1, S] where all tokens of a row see the same ones.
        reach: tokens that are seen at each side.
    """
    at = torch.arange(scores.shape[-1], device=scores.device)
    return scores.masked_fill((at[:, None] - at).abs() > reach, UNSEEN)
