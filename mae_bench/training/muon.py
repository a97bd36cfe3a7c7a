"""Muon for the matrices of layers, AdamW for all else, as one optimizer.

Source: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/; torch's own `Muon`, of torch
2.9 and later. Its updates are scaled to the size of AdamW's (Liu et al. 2025, arXiv:2502.16982), so
that both parts share one rate and one weight decay.
"""

import torch
from torch import nn

from mae_bench.training.optim import make_optimizer


class MuonWithAdamW(torch.optim.Optimizer):
    """Two optimizers with one list of groups and one state."""

    def __init__(self, muon: torch.optim.Optimizer, adamw: torch.optim.Optimizer) -> None:
        """Join two optimizers of different parameters."""
        super().__init__([*muon.param_groups, *adamw.param_groups], {})
        self.parts = (muon, adamw)
        for part in self.parts:
            part.state = self.state

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for part in self.parts:
            part.step()


def make_muon(
    model: nn.Module,
    *,
    lr: float,
    weight_decay: float,
    betas: tuple[float, float],
    eps: float,
    vocab_size: int,
) -> torch.optim.Optimizer:
    """Return Muon for the matrices of a model's layers, and AdamW for its other parameters.

    Args:
        model: with the parameters that are trained.
        lr: rate of both.
        weight_decay: of matrices.
        betas: AdamW's; Muon's momentum is torch's default, .95 with Nesterov's step.
        eps: AdamW's.
        vocab_size: a matrix with so many rows holds a vector for each token, and is AdamW's.
    """
    tables = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    is_muons = {
        name: p.ndim == 2 and id(p) not in tables and len(p) != vocab_size for name, p in trained
    }
    rest = [(name, p) for name, p in trained if not is_muons[name]]
    adamw = make_optimizer(rest, lr=lr, weight_decay=weight_decay, betas=betas, eps=eps)
    matrices = [p for name, p in trained if is_muons[name]]
    if not matrices:
        return adamw
    muon = torch.optim.Muon(
        matrices, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"
    )
    return MuonWithAdamW(muon, adamw)
