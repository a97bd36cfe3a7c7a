"""What a loss does where the rows of one batch lie on several ranks of a training.

A training alone is one rank, and then nothing here does anything. Among several, the loss of a
batch is the mean of the ranks' losses, each weighed by what it predicts. A term that compares rows
with one another reads the vectors of all ranks (`whole_batch`), and a term that is a mean over
other tokens than those that are counted says so (`rebalanced`).
Legend: R ranks, B rows of one rank.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from mae_bench.model.means import Number


@dataclass
class JoinedRanks:
    """The ranks whose rows are one batch, while a loss of them is computed.

    Attributes:
        group: of the ranks; each has as many rows.
        control: of the same ranks, for numbers that lie on the host.
        is_padded: whether ranks may predict different numbers of tokens.
        num_gathered: how often `whole_batch` was asked.
        num_rebalanced: how often `rebalanced` was.
    """

    group: "dist.ProcessGroup"
    control: "dist.ProcessGroup"
    is_padded: bool
    num_gathered: int = 0
    num_rebalanced: int = 0


_joined: JoinedRanks | None = None  # a plain global: inductor compiles losses that read it


@contextmanager
def joined(ranks: JoinedRanks) -> Iterator[None]:
    """Let the losses of this block be those of all ranks; all of them must compute the same."""
    global _joined
    before, _joined = _joined, ranks
    try:
        yield
    finally:
        _joined = before


def whole_batch(rows: Tensor) -> Tensor:
    """Return [R * B, ...] the rows of all ranks, in the order of the batch, with gradients.

    Args:
        rows: [B, ...] of this rank.
    """
    ranks = _joined
    if ranks is None:
        return rows
    ranks.num_gathered += 1
    gathered: Tensor = _Gather.apply(rows, ranks.group)  # type: ignore[no-untyped-call]
    return gathered


def rebalanced(term: Tensor, number: Number, weight: Number) -> Tensor:
    """Return a term whose mean over ranks, weighed by ``weight``, is its mean over tokens.

    Args:
        term: [] a mean over tokens of this rank.
        number: of these tokens.
        weight: what the loss that the term is part of counts as predicted on this rank.
    """
    ranks = _joined
    if ranks is None:
        return term
    ranks.num_rebalanced += 1
    if not ranks.is_padded:
        return term
    own = torch.tensor([int(number), int(weight)])
    whole = own.clone()
    dist.all_reduce(whole, group=ranks.control)
    (number, weight), (all_numbers, all_weights) = own.tolist(), whole.tolist()
    share: float = number * all_weights / max(1, all_numbers * weight)
    return term * share


class _Gather(torch.autograd.Function):
    """Rows of all ranks. Each rank's loss reads them, so a row's gradient is the sum over ranks."""

    @staticmethod
    def forward(context: Any, rows: Tensor, group: "dist.ProcessGroup") -> Tensor:
        context.group, context.num_rows = group, len(rows)
        parts = [torch.empty_like(rows) for _ in range(dist.get_world_size(group))]
        dist.all_gather(parts, rows.contiguous(), group=group)
        return torch.cat(parts)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        whole = gradients[0].contiguous()
        dist.all_reduce(whole, group=context.group)
        first = dist.get_rank(context.group) * context.num_rows
        return whole[first : first + context.num_rows], None
