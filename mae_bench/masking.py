"""Which positions an objective hides, and what stands there instead. Pure functions of draws.

Legend: B rows, L positions a row, M hidden and V = L - M kept positions a row.
Padding never counts: a row with T maskable tokens hides round(ratio * T) of them. So that every
row has the same shape, a short row's list of M hidden positions is filled up with padding, which
`is_target` marks as nothing to predict.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from mae_bench.data.tokenizer import CLS, MASK, PAD, SEP, SPECIAL
from mae_bench.errors import SpecError

PAD_ID, CLS_ID, SEP_ID, MASK_ID = PAD, CLS, SEP, MASK
NUM_SPECIAL = len(SPECIAL)  # the lowest ids: never a random replacement


@dataclass(frozen=True)
class Hidden:
    """What a row hides and what it keeps, each in ascending order of position.

    Attributes:
        positions: [B, M] hidden positions.
        kept: [B, V] all the others.
        is_target: [B, M], False at the padding that fills a short row's list; None where every
            hidden position is a target.
    """

    positions: Tensor
    kept: Tensor
    is_target: Tensor | None


def num_hidden(row_length: int, ratio: float) -> int:
    """Return M for a full row, whose [CLS] and [SEP] are never hidden.

    Raises:
        SpecError: nothing or everything would be hidden.
    """
    maskable = row_length - 2
    count = _round(ratio * maskable)
    if not 0 < count < maskable:
        raise SpecError(
            f"mask_ratio {ratio} hides {count} of the {maskable} maskable tokens in a row of "
            f"{row_length}; it must hide at least 1 and leave at least 1: change mask_ratio or "
            "corpus.row_length"
        )
    return count


def hide_random(scores: Tensor, ids: Tensor, is_pad: Tensor | None, ratio: float) -> Hidden:
    """Hide the round(ratio * T) maskable tokens of each row with the smallest scores.

    Uniform scores make every subset of that size equally likely.

    Args:
        scores: [B, L] uniform draws in [0, 1).
        ids: [B, L] token ids; [CLS] and [SEP] are never hidden.
        is_pad: [B, L], or None where no row is padded.
        ratio: share of the maskable tokens, in (0, 1).
    """
    length = ids.shape[1]
    count = num_hidden(length, ratio)
    is_fixed = (ids == CLS_ID) | (ids == SEP_ID)
    if is_pad is None:
        order = torch.argsort(scores.masked_fill(is_fixed, 2.0), dim=1, stable=True)
        return Hidden(order[:, :count].sort(1).values, order[:, count:].sort(1).values, None)
    is_maskable = ~(is_fixed | is_pad)
    ranks = torch.argsort(
        torch.argsort(scores.masked_fill(~is_maskable, 2.0), dim=1, stable=True), dim=1
    )
    wanted = torch.floor(is_maskable.sum(1, keepdim=True).double() * ratio + 0.5)
    is_masked = is_maskable & (ranks < wanted)
    # hidden tokens first, then padding to fill the list, then all that is kept
    tier = torch.where(is_masked, 0, torch.where(is_pad, 1, 2))
    order = torch.argsort(tier, dim=1, stable=True)
    positions = order[:, :count].sort(1).values
    return Hidden(positions, order[:, count:].sort(1).values, is_masked.gather(1, positions))


def replace(
    ids: Tensor,
    hidden: Hidden,
    how: Tensor,
    what: Tensor,
    *,
    shares: tuple[float, float, float],
    vocab_size: int,
) -> Tensor:
    """Return ids [B, L] with the hidden tokens replaced by [MASK], a random token, or themselves.

    Args:
        ids: [B, L] token ids.
        hidden: where to replace.
        how: [B, L] uniform draws that choose the kind of replacement.
        what: [B, L] uniform draws that choose the random token, never a special one.
        shares: of (mask, random, keep), which sum to 1.
        vocab_size: V.
    """
    mask_share, random_share, _ = shares
    here = hidden.positions
    original = ids.gather(1, here)
    chosen = how.gather(1, here)
    span = vocab_size - NUM_SPECIAL
    random_ids = (what.gather(1, here) * span).long().clamp_(max=span - 1) + NUM_SPECIAL
    new = torch.where(chosen < mask_share + random_share, random_ids, original)
    new = torch.where(chosen < mask_share, torch.full_like(new, MASK_ID), new)
    if hidden.is_target is not None:
        new = torch.where(hidden.is_target, new, original)
    return ids.scatter(1, here, new)


def _round(value: float) -> int:
    """Round half up, as the tensor code does; Python's round would go to even."""
    return int(value + 0.5)
