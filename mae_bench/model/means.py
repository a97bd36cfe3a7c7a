"""Means over predicted tokens that are 0, with a gradient of 0, where there is none.

torch's are NaN there: a batch of texts so short that none of their tokens is hidden would end a
training. Legend: N predicted tokens, C classes.
"""

from torch import Tensor
from torch.nn import functional as F


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy, in nats, of logits [N, C] against targets [N]."""
    return F.cross_entropy(logits, targets) if len(targets) else logits.sum()


def squared_error(predicted: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error of vectors [N, C]."""
    return F.mse_loss(predicted, targets) if len(targets) else predicted.sum()


def accuracy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the share of targets [N] that the largest of logits [N, C] names."""
    return (logits.argmax(-1) == targets).sum() / max(1, len(targets))
