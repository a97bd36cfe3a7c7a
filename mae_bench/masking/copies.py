"""What is replaced and what is predicted, counted apart.

Source: Wettig et al. 2023, arXiv:2202.08005.
Legend: B rows, L positions, M hidden positions a row, T maskable tokens of a row, k copies.
"""

import math

import torch
from torch import Tensor

from mae_bench.draws import Block, Draws
from mae_bench.masking.hidden import CLS_ID, SEP_ID, Hidden, as_hidden


def subset(hidden: Hidden, block: Block, draws: Draws, ratio: float) -> Hidden:
    """Return round(ratio * T) of the hidden tokens, chosen by a uniform draw; ``kept`` as it was.

    Args:
        hidden: at least as many tokens as are chosen.
        block: the rows.
        draws: of the step.
        ratio: share of the maskable tokens.
    """
    length = block.ids.shape[1]
    score = draws.uniform("predicted", length).gather(1, hidden.positions)
    if hidden.is_target is None:
        count = math.floor(ratio * (length - 2) + 0.5)
        chosen = torch.argsort(score, dim=1, stable=True)[:, :count].sort(1).values
        return Hidden(hidden.positions.gather(1, chosen), hidden.kept, None)
    wanted = torch.floor(_maskable(block).sum(1, keepdim=True).double() * ratio + 0.5)
    is_chosen = _rank(score.masked_fill(~hidden.is_target, math.inf)) < wanted
    return Hidden(hidden.positions, hidden.kept, hidden.is_target & is_chosen)


def hide_in_copies(
    block: Block, draws: Draws, *, copies: int, corrupted: float, predicted: float
) -> tuple[Hidden, Hidden]:
    """Return what k copies of every row replace, and what of it they predict.

    A random order of a row's T tokens is laid on a circle. With q = round(predicted * T), but at
    most T // k, copy j replaces the round(corrupted * T) tokens from rank j * q on, and predicts
    the first q of these. So no token is predicted twice.

    Args:
        block: rows; [CLS], [SEP] and padding are never hidden.
        draws: of the step.
        copies: k; copy j of row b is row j * B + b of the result.
        corrupted: share of a row that each copy replaces.
        predicted: share of a row that each copy predicts, at most ``corrupted``.
    """
    length = block.ids.shape[1]
    is_maskable = _maskable(block)
    maskable = is_maskable.sum(1, keepdim=True)
    replaced = torch.floor(maskable.double() * corrupted + 0.5)
    wanted = torch.floor(maskable.double() * predicted + 0.5).long()
    wanted = torch.minimum(wanted, maskable // copies)
    rank = _rank(draws.uniform("which", length).masked_fill(~is_maskable, math.inf))
    copy_ranks = [(rank - copy * wanted) % maskable.clamp(min=1) for copy in range(copies)]
    is_pad = None if block.is_pad is None else block.is_pad.repeat(copies, 1)
    is_replaced = torch.cat([is_maskable & (copy_rank < replaced) for copy_rank in copy_ranks])
    is_predicted = torch.cat([is_maskable & (copy_rank < wanted) for copy_rank in copy_ranks])
    full = length - 2
    return (
        _lists(is_replaced, is_pad, math.floor(full * corrupted + 0.5)),
        _lists(is_predicted, is_pad, num_predicted(length, copies=copies, predicted=predicted)),
    )


def num_predicted(row_length: int, *, copies: int, predicted: float) -> int:
    """Return q, the tokens that each copy of a full row predicts."""
    full = row_length - 2
    return min(math.floor(full * predicted + 0.5), full // copies)


def in_copies(draws: Draws, draw: str, length: int, copies: int) -> Tensor:
    """Return [k * B, L] uniform draws; the first copy's are those of a row without copies."""
    return torch.cat(draws.uniform(draw, copies * length).split(length, dim=1))


def _lists(is_hidden: Tensor, is_pad: Tensor | None, count: int) -> Hidden:
    hidden = as_hidden(is_hidden, is_pad, count)
    return Hidden(hidden.positions, hidden.kept, None) if is_pad is None else hidden


def _maskable(block: Block) -> Tensor:
    is_fixed = (block.ids == CLS_ID) | (block.ids == SEP_ID)
    return ~is_fixed if block.is_pad is None else ~(is_fixed | block.is_pad)


def _rank(score: Tensor) -> Tensor:
    """Return the rank of each entry in the ascending order of its row."""
    return torch.argsort(torch.argsort(score, dim=1, stable=True), dim=1, stable=True)
