"""The positions that a row hides, and what stands there instead. Pure functions of draws.

Legend: B rows, L positions a row, M hidden and V = L - M kept positions a row.
Padding never counts: a row with T maskable tokens hides round(ratio * T) of them. So that every
row has the same shape, a short row's list of M hidden positions is filled up with padding, which
`is_target` marks as nothing to predict.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mae_bench.data.tokenizer import CLS, MASK, PAD, SEP, SPECIAL
from mae_bench.draws import Block, Draws
from mae_bench.errors import SpecError
from mae_bench.masking.lexicon import Lexicon
from mae_bench.masking.ratios import RatioSchedule, extremes, ratio_at
from mae_bench.masking.schemes import MASKINGS, Context, Masking

PAD_ID, CLS_ID, SEP_ID, MASK_ID = PAD, CLS, SEP, MASK
NUM_SPECIAL = len(SPECIAL)  # the lowest ids: never a random replacement
RANDOM = Masking()


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


def as_block(ids: Tensor) -> Block:
    """Return rows as a block, whose padding is read from these rows and no others."""
    is_pad = ids == PAD_ID
    return Block(ids, is_pad if bool(is_pad.any()) else None)


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


def check_masking(ratio: float | RatioSchedule, masking: Masking, row_length: int) -> None:
    """Raise SpecError where a text would hide more than a scheme can or than a full row does.

    A full row must hide at least one token and keep at least one.
    """
    scheme = MASKINGS.get(masking.scheme)
    for value in extremes(ratio):
        count = num_hidden(row_length, value)
        for name, share in (("mask_ratio", value), ("short_ratio", masking.short_ratio or 0.0)):
            if share > scheme.max_ratio:
                raise SpecError(
                    f"masking scheme '{masking.scheme}' can hide at most {scheme.max_ratio:g} of "
                    f"a text, got {name} {share:g}; lower {name} or choose another scheme"
                )
        lengths = torch.arange(row_length - 1)
        most = int(wanted_counts(lengths, row_length - 2, value, masking).max())
        if most > count:
            raise SpecError(
                f"short_ratio {masking.short_ratio:g} hides {most} tokens of some text shorter "
                f"than a row, more than the {count} of a full row at mask_ratio {value:g}; "
                f"short_ratio must be at most twice mask_ratio, {2 * value:g}: lower it"
            )


def hide(
    block: Block,
    draws: Draws,
    ratio: float | RatioSchedule,
    masking: Masking = RANDOM,
    lexicon: Lexicon | None = None,
) -> Hidden:
    """Hide the round(ratio * T) maskable tokens of each row that the scheme scores lowest.

    Where the draws name positions, these and no others are hidden.

    Args:
        block: rows; [CLS], [SEP] and padding are never hidden.
        draws: of the step; its progress sets the ratio of a schedule.
        ratio: share of the maskable tokens, in (0, 1).
        masking: the scheme.
        lexicon: where the scheme needs one.
    """
    ids, is_pad = block.ids, block.is_pad
    length = ids.shape[1]
    if draws.hidden is not None:
        is_named = torch.zeros_like(ids, dtype=torch.bool).scatter(1, draws.hidden, True)
        order = torch.argsort(is_named.long(), dim=1, stable=True)  # kept ones first
        return Hidden(draws.hidden, order[:, : length - draws.hidden.shape[1]], None)
    now = ratio_at(ratio, draws.progress)
    count = num_hidden(length, now)
    is_fixed = (ids == CLS_ID) | (ids == SEP_ID)
    is_maskable = ~is_fixed if is_pad is None else ~(is_fixed | is_pad)
    if is_pad is None:
        wanted = torch.full((len(ids), 1), count, device=ids.device, dtype=torch.float64)
    else:
        wanted = wanted_counts(is_maskable.sum(1, keepdim=True), length - 2, now, masking)
    context = Context(ids, is_maskable, wanted, draws, masking, lexicon)
    scores = MASKINGS.get(masking.scheme).scores(context)
    # stable: of equal scores the earlier position is hidden, on every device
    order = torch.argsort(scores.masked_fill(~is_maskable, math.inf), dim=1, stable=True)
    if is_pad is None:
        return Hidden(order[:, :count].sort(1).values, order[:, count:].sort(1).values, None)
    is_masked = is_maskable & (torch.argsort(order, dim=1, stable=True) < wanted)
    return as_hidden(is_masked, is_pad, count)


def wanted_counts(maskable: Tensor, full: int, ratio: float, masking: Masking) -> Tensor:
    """Return [B, 1] tokens to hide in texts of ``maskable`` tokens, rounded half up.

    With ``short_ratio`` the share grows linearly from it, at length 0, to ``ratio`` at ``full``.
    """
    share: Tensor | float = ratio
    if masking.short_ratio is not None:
        missing = 1 - maskable.double() / full  # 0 at a full row, whose share is then exact
        share = ratio + (masking.short_ratio - ratio) * missing
    return torch.floor(maskable.double() * share + 0.5)


def least_hiding(ratio: float | RatioSchedule, masking: Masking, row_length: int) -> int:
    """Return the tokens from which on a text hides at least one, at the least ratio."""
    lengths = torch.arange(row_length - 1)
    counts = wanted_counts(lengths, row_length - 2, extremes(ratio)[0], masking)
    return 1 + int(lengths[counts == 0].max())


def as_hidden(is_masked: Tensor, is_pad: Tensor | None, count: int) -> Hidden:
    """Return the lists of a [B, L] mask that hides at most ``count`` tokens in each row."""
    # hidden tokens first, then padding to fill the list, then all that is kept
    filler = torch.zeros_like(is_masked) if is_pad is None else is_pad
    tier = torch.where(is_masked, 0, torch.where(filler, 1, 2))
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
