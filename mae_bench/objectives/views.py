"""Views of rows that hide nothing: tokens in another order, and stretches cut out.

Legend: B rows, L positions a row, S tokens of a stretch.
"""

import dataclasses

import torch
from torch import Tensor

from mae_bench.draws import Block, Draws
from mae_bench.masking import CLS_ID, PAD_ID, SEP_ID, Hidden
from mae_bench.seeding import seed_for


def is_hidden(hidden: Hidden, ids: Tensor) -> Tensor:
    """Return [B, L], True where a row of ids [B, L] hides a token."""
    where = torch.zeros_like(ids, dtype=torch.bool)
    is_target = hidden.is_target
    if is_target is None:
        is_target = torch.ones_like(hidden.positions, dtype=torch.bool)
    return where.scatter(1, hidden.positions, is_target)


def permute(ids: Tensor, is_moved: Tensor, order: Tensor) -> Tensor:
    """Return ids [B, L] with the moved tokens of each row permuted among their own positions.

    Args:
        ids: [B, L] token ids.
        is_moved: [B, L], True at the tokens that are permuted.
        order: [B, L] uniform draws. The first of these positions gets the token with the smallest
            draw, and so on; every permutation is equally likely, so that a token may stay.
    """
    moved_first = torch.argsort((~is_moved).long(), dim=1, stable=True)
    # those that stay come last in both lists, in the same order
    drawn = torch.argsort(order.masked_fill(~is_moved, torch.inf), dim=1, stable=True)
    return ids.scatter(1, moved_first, ids.gather(1, drawn))


def maskable(block: Block) -> Tensor:
    """Return [B, L], False at [CLS], [SEP] and padding."""
    is_fixed = (block.ids == CLS_ID) | (block.ids == SEP_ID)
    return ~is_fixed if block.is_pad is None else ~(is_fixed | block.is_pad)


def other_draws(draws: Draws, view: str) -> Draws:
    """Return the draws of a further view of the same rows, independent of the first view's."""
    return dataclasses.replace(draws, seed=seed_for("mask", seed=draws.seed, draw=f"view {view}"))


def last_start(block: Block, length: int) -> Tensor:
    """Return [B, 1] the last position at which a stretch of ``length`` tokens fits; at least 1."""
    return (_sep(block) - length).clamp(min=1)


def start_in(share: Tensor, first: Tensor | int, last: Tensor) -> Tensor:
    """Return the position that a uniform draw [B, 1] picks from ``first`` to ``last``."""
    slack = last - first
    return first + (share * (slack + 1)).long().clamp(max=slack)


def cut(block: Block, start: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Return [CLS] stretch [SEP] as ids and is_pad [B, S + 2] of S = ``length`` tokens.

    A row shorter than the stretch is filled with padding before its [SEP].

    Args:
        block: rows.
        start: [B, 1] position of the first token.
        length: S.
    """
    ids, last = block.ids, _sep(block)
    index = start + torch.arange(length, device=ids.device)
    is_real = index < last
    middle = ids.gather(1, index.clamp(max=ids.shape[1] - 1))
    middle = torch.where(is_real, middle, torch.full_like(middle, PAD_ID))
    edge = torch.ones_like(last, dtype=torch.bool)
    cls, sep = torch.full_like(last, CLS_ID), torch.full_like(last, SEP_ID)
    return torch.cat([cls, middle, sep], 1), torch.cat([~edge, ~is_real, ~edge], 1)


def _sep(block: Block) -> Tensor:
    """Return [B, 1] the position of each row's [SEP]."""
    rows, row_length = block.ids.shape
    if block.is_pad is None:
        return torch.full((rows, 1), row_length - 1, device=block.ids.device)
    return (~block.is_pad).sum(1, keepdim=True) - 1
