"""The rows of a corpus on the device of a training, and which of them a step reads."""

import numpy as np
import torch
from torch import Tensor

from mae_bench.data.blocks import Blocks
from mae_bench.draws import Block
from mae_bench.masking import PAD_ID
from mae_bench.pretraining.device_rows import DeviceRows, device_rows
from mae_bench.pretraining.row_order import RowOrder


class Batches:
    """Rows and the order of the present epoch, so that a step sends nothing to the device.

    Args:
        data: the corpus.
        order: of its rows.
        device: of the training.
        least_tokens: that a row must have for the loss to predict one of them.
        rows: how they are read; None for what suits their size and the device.
    """

    def __init__(
        self,
        data: Blocks,
        order: RowOrder,
        device: str,
        least_tokens: int,
        rows: DeviceRows | None = None,
    ) -> None:
        self.device, self.has_pads, self.host_order = device, data.has_pads, order
        self.data, self.least_tokens = data, least_tokens
        self.rows = rows or device_rows(data.rows, (order,), device)
        self.order = torch.zeros(order.num_rows, dtype=torch.int64, device=device)
        self._epoch = -1

    def at(self, step: int) -> tuple[int, Tensor]:
        """Return the epoch and the row numbers [B] of a step."""
        epoch, start = self._open(step)
        return epoch, self.order[..., start : start + self.host_order.batch_rows]

    def counted(self, step: Tensor) -> tuple[Tensor, Tensor]:
        """Return the same of a step [] that the device knows, and that `at` has opened."""
        size = self.host_order.batch_rows
        epoch = step // self.host_order.epoch_steps
        inside = torch.arange(size, device=self.order.device)
        return epoch, self.order[..., step % self.host_order.epoch_steps * size + inside]

    def block(self, index: Tensor) -> Block:
        """Return rows by their numbers [B]."""
        chosen = self.rows.take(index).long()
        return Block(chosen, chosen == PAD_ID if self.has_pads else None)

    def is_surely_taught(self, step: int) -> bool:
        """Whether some row of a step is long enough to hide a token, whatever is drawn."""
        return not self.has_pads or bool(self._teaches(self.host_order.batch(step)[1]).any())

    def _teaches(self, index: np.ndarray | slice) -> np.ndarray:
        """Return for rows whether each is long enough to hide a token, whatever is drawn."""
        is_long: np.ndarray = (self.data.rows[index] != PAD_ID).sum(1) - 2 >= self.least_tokens
        return is_long

    def _open(self, step: int) -> tuple[int, int]:
        """Put the order of a step's epoch on the device; return the epoch and the batch's start."""
        epoch, batch = divmod(step, self.host_order.epoch_steps)
        if epoch != self._epoch:
            order = torch.from_numpy(self._order_of(epoch))
            if self.order.is_cuda:
                order = order.pin_memory()  # of pageable memory a copy would wait for the device
            self.order.copy_(order, non_blocking=True)
            self._epoch = epoch
        self.rows.open(step)
        return epoch, batch * self.host_order.batch_rows

    def _order_of(self, epoch: int) -> np.ndarray:
        return self.host_order.of_epoch(epoch)
