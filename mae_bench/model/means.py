"""Means over predicted tokens that are 0, with a gradient of 0, where there is none.

torch's are NaN there: a batch of texts so short that none of their tokens is hidden would end a
training. Where shapes must be the same at every step, filling stays among the tokens, marked by
`IGNORED`, and what is averaged over is a tensor that counts the others.
Legend: N predicted tokens, C classes.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORED = -100  # the label of filling; torch's cross-entropies leave it out
Number = int | Tensor  # of predicted tokens; a tensor [] where filling stays among them


def at_least_one(number: Number) -> Number:
    """Return what a sum over so many tokens is divided by."""
    return number.clamp(min=1) if isinstance(number, Tensor) else max(1, number)


def cross_entropy(logits: Tensor, targets: Tensor, number: Number) -> Tensor:
    """Return the mean cross-entropy, in nats, of logits [N, C] against targets [N]."""
    if isinstance(number, Tensor):
        return F.cross_entropy(logits, targets, reduction="sum") / at_least_one(number)
    return F.cross_entropy(logits, targets) if number else logits.sum()


def squared_error(predicted: Tensor, targets: Tensor, is_filling: Tensor | None = None) -> Tensor:
    """Return the mean squared error of vectors [N, C]; ``is_filling`` [N] has no say in it."""
    if is_filling is None:
        return F.mse_loss(predicted, targets) if len(targets) else predicted.sum()
    return masked_mean((predicted - targets).square().mean(-1), is_filling)


def masked_mean(values: Tensor, is_filling: Tensor) -> Tensor:
    """Return the mean of the values that are no filling; both have one shape."""
    kept = torch.where(is_filling, 0.0, values)
    return kept.sum() / at_least_one((~is_filling).sum())


def accuracy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the share of targets [N] that the largest of logits [N, C] names."""
    return (logits.argmax(-1) == targets).sum() / max(1, len(targets))
