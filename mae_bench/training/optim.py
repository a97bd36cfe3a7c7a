"""AdamW with a linear warm-up and a linear decay to zero."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from mae_bench.training.bert_adam import BertAdam


def make_optimizer(
    named: Iterable[tuple[str, nn.Parameter]],
    *,
    lr: float,
    weight_decay: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    lr_factor: Callable[[str], float] = lambda name: 1.0,
    is_corrected: bool = True,
) -> torch.optim.Optimizer:
    """Return AdamW; vectors (norms, biases) are not decayed.

    Source: Loshchilov & Hutter 2019, arXiv:1711.05101.

    Args:
        named: parameters by name.
        lr: rate.
        weight_decay: of matrices.
        betas: decays of the means.
        eps: added to the denominator.
        lr_factor: of a parameter's rate, by its name; `set_lr` keeps it.
        is_corrected: whether the means are corrected for their start at zero.
    """
    trained = [(lr_factor(name), parameter) for name, parameter in named if parameter.requires_grad]
    groups = [
        {
            "params": [p for own, p in trained if own == factor and (p.ndim >= 2) == is_matrix],
            "weight_decay": weight_decay if is_matrix else 0.0,
            "lr": lr * factor,
            "lr_factor": factor,
        }
        for factor in dict.fromkeys(factor for factor, _ in trained)
        for is_matrix in (True, False)
    ]
    groups = [group for group in groups if group["params"]]
    if not is_corrected:
        return BertAdam(groups, lr=lr, betas=betas, eps=eps)
    return torch.optim.AdamW(groups, lr=lr, betas=betas, eps=eps, fused=True)


def linear_schedule(done_ratio: float, warmup_ratio: float) -> float:
    """Return the factor of the peak rate when that share of the budget is spent.

    A step is read at its middle, so that neither the first nor the last has a rate of zero.
    """
    if done_ratio < warmup_ratio:
        return done_ratio / warmup_ratio
    return max(0.0, (1 - done_ratio) / (1 - warmup_ratio)) if warmup_ratio < 1 else 1.0


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the rate of every group, times the group's own factor; a rate that is a tensor, in it."""
    for group in optimizer.param_groups:
        own = lr * group.get("lr_factor", 1.0)
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(own)
        else:
            group["lr"] = own


def clip_factors(norms: Tensor, clip_norm: float) -> Tensor:
    """Return what gradients of these norms are multiplied by, as torch's clip_grad_norm_ does."""
    return (clip_norm / (norms + 1e-6)).clamp(max=1.0)


def forget_moments(optimizer: torch.optim.Optimizer) -> None:
    """Set the state of every parameter to that before the first step, where it stands."""
    for state in optimizer.state.values():
        for value in state.values():
            value.zero_()
