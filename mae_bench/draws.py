"""Counter-based draws: a pure function of (seed, epoch, row, position).

The same on CPU and GPU, for any batch size, order, number of workers, or after a resume
(a generator's state depends on all of these). The mixer is the 32-bit finaliser "lowbias32"
of C. Wellons' hash prospector, computed in 64-bit integers so that it wraps nowhere.
Legend: B rows, L positions.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from mae_bench.seeding import seed_for

_LOW = 0xFFFFFFFF


def _mix(x: Tensor) -> Tensor:
    x = x ^ (x >> 16)
    x = (x * 0x7FEB352D) & _LOW
    x = x ^ (x >> 15)
    x = (x * 0x846CA68B) & _LOW
    return x ^ (x >> 16)


@dataclass(frozen=True)
class Block:
    """Rows as they stand in the corpus: ids [B, L], and is_pad [B, L] or None if none is padded."""

    ids: Tensor
    is_pad: Tensor | None = None


@dataclass(frozen=True)
class Draws:
    """The draws of one pretraining step.

    Attributes:
        seed: the study's seed.
        epoch: passes over the corpus done before this step; a tensor [] where the device counts.
        row_ids: [B] int64, the rows' numbers in the corpus, which never change.
        progress: share of the budget that is spent, in [0, 1], for what changes in training; NaN
            in a step that is recorded once for all of them (`Requirements.follows_progress`).
        hidden: [B, M] positions that are hidden whatever a ratio and a scheme say, in ascending
            order, so that an objective can be asked for tokens by name; None to draw them.
    """

    seed: int
    epoch: int | Tensor
    row_ids: Tensor
    progress: float = 0.0
    hidden: Tensor | None = None

    def bits(self, draw: str, length: int) -> Tensor:
        """Return [B, L] int64 of 32 random bits, of a named draw (``which``, ``how``, …)."""
        key = seed_for("mask", seed=self.seed, draw=draw)
        high = (key >> 31) & _LOW
        row = _mix(_mix((self.row_ids & _LOW) ^ high) ^ (self.epoch * 0x9E3779B9 & _LOW))
        position = torch.arange(length, dtype=torch.int64, device=self.row_ids.device)
        cell = _mix(position ^ (key & 0x7FFFFFFF))
        return _mix(row[:, None] ^ cell[None, :])

    def uniform(self, draw: str, length: int) -> Tensor:
        """Return [B, L] float32, uniform on the multiples of 2**-24 in [0, 1)."""
        return (self.bits(draw, length) >> 8).to(torch.float32) * 2.0**-24
