"""The optimizer of a pretraining, by its recipe."""

import torch

from mae_bench.objectives.base import Objective
from mae_bench.specs import PretrainRecipe
from mae_bench.training.muon import make_muon
from mae_bench.training.optim import make_optimizer


def optimizer_of(
    objective: Objective, recipe: PretrainRecipe, vocab_size: int
) -> torch.optim.Optimizer:
    """Return the optimizer of all that is trained of an objective."""
    lr, decay, betas = recipe.peak_lr, recipe.weight_decay, (recipe.beta1, recipe.beta2)
    if recipe.optimizer == "muon":
        return make_muon(
            objective,
            lr=lr,
            weight_decay=decay,
            betas=betas,
            eps=recipe.eps,
            vocab_size=vocab_size,
        )
    named = objective.named_parameters()
    return make_optimizer(named, lr=lr, weight_decay=decay, betas=betas, eps=recipe.eps)
