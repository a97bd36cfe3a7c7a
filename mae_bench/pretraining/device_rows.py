"""Where a training reads its rows: on the device, in a file mapped to memory, or copied ahead.

A corpus larger than memory stays in its file. What a step reads is the same bits either way.
Legend: N rows, L row length, B rows of a step, S steps of a block, k seeds.
"""

import mmap
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mae_bench.pretraining.row_order import RowOrder

Rows = NDArray[Any]

MAX_SHARE = 0.25  # of a card's free memory that rows may take, beside weights and activations
BLOCK_BYTES = 1 << 25  # copied at once: more than a copy needs to be fast, 1/2,000 of a large card
COPY_ROWS = 1 << 16
_NO_ROW = 2**63 - 1  # sorts behind every row


class DeviceRows(Protocol):
    """Rows on the device of a training."""

    def open(self, step: int) -> None:
        """Have the rows of a step at hand; called before each step, by the host."""

    def take(self, index: Tensor) -> Tensor:
        """Return int32 rows [B, L] of the open step by their numbers [B]."""


def device_rows(rows: Rows, orders: Sequence[RowOrder], device: str) -> DeviceRows:
    """Return how a training reads rows [N, L], each of its seeds in an order of its own.

    On a CPU they are read from the file. On a card they are held there if they take at most a
    quarter of its free memory, which changes no result; else they are copied ahead in blocks.
    """
    if not device.startswith("cuda"):
        return MappedRows(rows)
    free, _ = torch.cuda.mem_get_info(device)
    if rows.size * 4 <= MAX_SHARE * free:
        return ResidentRows(rows, device)
    return CopiedRows(rows, orders, device)


class ResidentRows:
    """All rows, as int32."""

    def __init__(self, rows: Rows, device: str) -> None:
        self.rows = torch.empty(rows.shape, dtype=torch.int32, device=device)
        for start in range(0, len(rows), COPY_ROWS):
            part = rows[start : start + COPY_ROWS].astype(np.int32)
            self.rows[start : start + COPY_ROWS] = torch.from_numpy(part)

    def open(self, step: int) -> None:
        """Do nothing: all steps are at hand."""

    def take(self, index: Tensor) -> Tensor:
        """Return rows by their numbers."""
        return self.rows[index]


class MappedRows:
    """Rows of a file, read by a CPU."""

    def __init__(self, rows: Rows) -> None:
        self.rows = np.asarray(rows)

    def open(self, step: int) -> None:
        """Do nothing: the system reads ahead."""

    def take(self, index: Tensor) -> Tensor:
        """Return rows by their numbers."""
        return torch.from_numpy(self.rows[index.numpy()].astype(np.int32))


class CopiedRows:
    """Rows of a file, of which those of the next steps are copied to the device by a thread.

    A recorded step reads one buffer [k·S·B, L] that never moves, filled before each block.
    The rows lie in it by their numbers, sorted, so that the device finds them without the host.

    Args:
        rows: [N, L].
        orders: in which they are read, one for each seed.
        device: of the training.
        block_steps: S; None for blocks of 32 MB.
    """

    def __init__(
        self,
        rows: Rows,
        orders: Sequence[RowOrder],
        device: str,
        block_steps: int | None = None,
    ) -> None:
        self.orders, order = orders, orders[0]
        self.epoch_steps, self.batch_rows = order.epoch_steps, order.batch_rows
        step_bytes = 4 * len(orders) * order.batch_rows * rows.shape[1]
        self.block_steps = block_steps or max(1, BLOCK_BYTES // step_bytes)
        self.block_steps = min(self.block_steps, order.epoch_steps)
        count = len(orders) * self.block_steps * order.batch_rows
        self.rows = torch.zeros((count, rows.shape[1]), dtype=torch.int32, device=device)
        self.numbers = torch.full((count,), _NO_ROW, dtype=torch.int64, device=device)
        self._next = _Copier(rows, self.rows, self.numbers)
        self._open = -1, -1  # epoch, block

    def open(self, step: int) -> None:
        """Put the block of a step into the buffer, if it is another; have the next one copied."""
        epoch, inside = divmod(step, self.epoch_steps)
        block = inside // self.block_steps
        if (epoch, block) == self._open:
            return
        self._next.want(epoch, block, self._numbers(epoch, block))
        self._next.move()
        self._open = epoch, block
        # not beyond the epoch: its order alone takes as long as many steps
        if (block + 1) * self.block_steps < self.epoch_steps:
            self._next.want(epoch, block + 1, self._numbers(epoch, block + 1))

    def take(self, index: Tensor) -> Tensor:
        """Return rows by their numbers."""
        return self.rows[torch.searchsorted(self.numbers, index)]

    def _numbers(self, epoch: int, block: int) -> NDArray[np.int64]:
        size, used = self.block_steps * self.batch_rows, self.epoch_steps * self.batch_rows
        inside = slice(block * size, min((block + 1) * size, used))
        return np.sort(np.concatenate([order.of_epoch(epoch)[inside] for order in self.orders]))


class _Copier:
    """One block on its way: from the file to pinned memory, to the device, to the buffer."""

    def __init__(self, source: Rows, rows: Tensor, numbers: Tensor) -> None:
        self.source, self.rows, self.numbers = source, rows, numbers
        self.is_cuda = rows.is_cuda
        # rows are read one here, one there: what the system would read around them is not needed
        if isinstance(source.base, mmap.mmap) and hasattr(mmap, "MADV_RANDOM"):
            source.base.madvise(mmap.MADV_RANDOM)
        self.pinned = [
            torch.empty(t.shape, dtype=t.dtype, pin_memory=self.is_cuda) for t in (rows, numbers)
        ]
        self.landed = [torch.empty_like(rows), torch.empty_like(numbers)]
        if self.is_cuda:
            self.stream = torch.cuda.Stream(rows.device)
            self.moved = torch.cuda.Event()
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="rows")
        self.wanted: tuple[int, int] | None = None
        self.copy: Future[None]

    def want(self, epoch: int, block: int, numbers: NDArray[np.int64]) -> None:
        """Have a block copied, unless it is on its way."""
        if self.wanted != (epoch, block):
            if self.wanted is not None:
                self.copy.result()  # another one, of a step that will not come
            self.wanted = epoch, block
            self.copy = self.pool.submit(self._copy, numbers)

    def move(self) -> None:
        """Put the block that was wanted last into the buffer; the device waits for it by itself."""
        self.copy.result()
        if self.is_cuda:
            torch.cuda.current_stream(self.rows.device).wait_stream(self.stream)
        self.rows.copy_(self.landed[0], non_blocking=True)
        self.numbers.copy_(self.landed[1], non_blocking=True)
        if self.is_cuda:
            self.moved.record(torch.cuda.current_stream(self.rows.device))

    def _copy(self, numbers: NDArray[np.int64]) -> None:
        count = len(numbers)
        if self.is_cuda:
            self.stream.synchronize()  # the block before has left pinned memory; in this thread
        self.pinned[0].numpy()[:count] = self.source[numbers]
        self.pinned[1].fill_(_NO_ROW)
        self.pinned[1].numpy()[:count] = numbers
        if not self.is_cuda:
            for landed, pinned in zip(self.landed, self.pinned, strict=True):
                landed.copy_(pinned)
            return
        with torch.cuda.stream(self.stream):
            self.stream.wait_event(self.moved)  # until the buffer has what landed before
            for landed, pinned in zip(self.landed, self.pinned, strict=True):
                landed.copy_(pinned, non_blocking=True)
