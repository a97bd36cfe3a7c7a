"""AdamW with a linear warm-up and a linear decay to zero."""

from collections.abc import Iterable

import torch
from torch import nn


def make_optimizer(
    named: Iterable[tuple[str, nn.Parameter]],
    *,
    lr: float,
    weight_decay: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> torch.optim.AdamW:
    """Return AdamW with bias correction; vectors (norms, biases) are not decayed.

    Source: Loshchilov & Hutter 2019, arXiv:1711.05101.
    """
    trained = [parameter for _, parameter in named if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=lr, betas=betas, eps=eps, fused=True)


def linear_schedule(done_ratio: float, warmup_ratio: float) -> float:
    """Return the factor of the peak rate when that share of the budget is spent.

    A step is read at its middle, so that neither the first nor the last has a rate of zero.
    """
    if done_ratio < warmup_ratio:
        return done_ratio / warmup_ratio
    return max(0.0, (1 - done_ratio) / (1 - warmup_ratio)) if warmup_ratio < 1 else 1.0


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the rate of every group."""
    for group in optimizer.param_groups:
        group["lr"] = lr
