"""The order in which a pretraining reads its rows."""

import numpy as np

from mae_bench.seeding import seed_for


class RowOrder:
    """Batches of row numbers, in an order of its own for each epoch: a function of seed and step.

    Args:
        num_rows: of the corpus; `batch` needs at least ``batch_rows`` of them.
        batch_rows: rows of a batch.
        seed: of the pretraining.
    """

    def __init__(self, num_rows: int, batch_rows: int, seed: int) -> None:
        self.num_rows, self.batch_rows, self.seed = num_rows, batch_rows, seed
        self._permutation: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))

    @property
    def epoch_steps(self) -> int:
        """Steps of an epoch, whose last short batch is left out."""
        return self.num_rows // self.batch_rows

    def of_epoch(self, epoch: int) -> np.ndarray:
        """Return all row numbers in the order of an epoch."""
        if self._permutation[0] != epoch:
            generator = np.random.default_rng(seed_for("order", seed=self.seed, epoch=epoch))
            self._permutation = (epoch, generator.permutation(self.num_rows))
        return self._permutation[1]

    def batch(self, step: int) -> tuple[int, np.ndarray]:
        """Return the epoch and rows of a step."""
        epoch, batch = divmod(step, self.epoch_steps)
        return epoch, self.of_epoch(epoch)[batch * self.batch_rows : (batch + 1) * self.batch_rows]
