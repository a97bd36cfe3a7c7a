"""Labels as a model learns them, and what a model that reads nothing makes of them."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mae_bench.tasks.base import Task
from mae_bench.tasks.metrics import Values


class Targets:
    """Labels as a model learns them: class ids, or values in units of the training deviation."""

    def __init__(self, task: Task, train: Values) -> None:
        """Read the scale of the training labels."""
        self.is_regression = task.kind == "regress"
        self.num_outputs = 1 if self.is_regression else len(task.label_names)
        self.mean = float(np.mean(train)) if self.is_regression else 0.0
        self.scale = (float(np.std(train)) or 1.0) if self.is_regression else 1.0
        self.constant_losses = self._constant_losses(train)

    def _constant_losses(self, train: Values) -> Values:
        """Return [N] losses of the best prediction that reads no text: class shares, or the mean.

        They are the label's surprise: log(C) everywhere where C classes are balanced; of values
        their squared distance from the mean, 1 on average.
        """
        if self.is_regression:
            return ((np.asarray(train, dtype=np.float64) - self.mean) / self.scale) ** 2
        _, place, counts = np.unique(train, return_inverse=True, return_counts=True)
        surprises: Values = -np.log(counts / len(train))[place]
        return surprises

    def encode(self, labels: Values, device: str) -> Tensor:
        """Return what the loss compares with."""
        if self.is_regression:
            scaled = (np.asarray(labels, dtype=np.float64) - self.mean) / self.scale
            return torch.from_numpy(scaled.astype(np.float32)).to(device)
        return torch.from_numpy(np.asarray(labels, dtype=np.int64)).to(device)

    def decode(self, outputs: Tensor) -> Values:
        """Return predictions in the units of the labels."""
        if self.is_regression:
            return outputs[:, 0].double().cpu().numpy() * self.scale + self.mean
        classes: Values = outputs.argmax(dim=1).cpu().numpy()
        return classes

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of a batch."""
        if self.is_regression:
            return functional.mse_loss(outputs[:, 0], targets)
        return functional.cross_entropy(outputs, targets)


def find_untrained(train_loss: float, constant_loss: float) -> str:
    """Return a sentence where a model ended no better on its training labels than a constant.

    Nothing where the labels are all the same, which leaves nothing to learn.
    """
    if not 0 < constant_loss <= train_loss:
        return ""
    return (
        f"fine-tune untrained: training loss {train_loss:.3f}, of a constant prediction "
        f"{constant_loss:.3f}"
    )
