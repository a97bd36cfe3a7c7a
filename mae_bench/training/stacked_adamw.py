"""AdamW of k models whose parameters lie side by side, each with a rate of its own.

Torch's takes one rate for a parameter, and so for all models in a stacked one. Legend: k models, P
parameters of a model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Span:
    """Columns of the parameters that are updated alike.

    Attributes:
        start: the first column.
        end: the one after the last.
        weight_decay: of these parameters.
        lr_factor: of each model's rate.
    """

    start: int
    end: int
    weight_decay: float
    lr_factor: float


class StackedAdamW:
    """AdamW over [k, P] parameters; equal to torch's in float32, but for rounding.

    Source: Loshchilov & Hutter 2019, arXiv:1711.05101.
    """

    def __init__(
        self,
        parameters: Tensor,
        spans: Sequence[Span],
        *,
        betas: tuple[float, float],
        eps: float,
        is_corrected: bool = True,
    ) -> None:
        """Take parameters [k, P], which steps move where they stand.

        Args:
            parameters: of k models.
            spans: of columns; those in none stay as they are.
            betas: decays of the means.
            eps: added to the denominator.
            is_corrected: whether the means are corrected for their start at zero.
        """
        self.parameters, self.spans = parameters, spans
        self.betas, self.eps, self.is_corrected = betas, eps, is_corrected
        self.mean = torch.zeros_like(parameters)
        self.square = torch.zeros_like(parameters)
        # in float64: what is near 1 is taken from 1; on the device, so that steps can be recorded
        self.num_steps = torch.zeros((), dtype=torch.float64, device=parameters.device)

    @torch.no_grad()
    def step(self, gradient: Tensor, rates: Tensor) -> None:
        """Update all models by their gradients [k, P], each at its own of the rates [k, 1].

        Where memory does not suffice nothing has moved.
        """
        update = torch.empty_like(self.square)
        self.num_steps += 1
        beta1, beta2 = self.betas
        self.mean.lerp_(gradient, 1 - beta1)
        self.square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        torch.sqrt(self.square, out=update)
        corrected = rates
        if self.is_corrected:
            update.div_((1 - beta2**self.num_steps).sqrt())
            corrected = rates / (1 - beta1**self.num_steps)
        update.add_(self.eps)
        torch.div(self.mean, update, out=update)
        for span in self.spans:
            own = self.parameters[:, span.start : span.end]
            if span.weight_decay:
                own.mul_(1 - rates * (span.lr_factor * span.weight_decay))
            own.addcmul_(update[:, span.start : span.end], corrected, value=-span.lr_factor)
