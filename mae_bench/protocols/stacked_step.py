"""One step of several fine-tunes and learning rates at once.

Legend: k models, B rows, S tokens, K texts of an example.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.func import vmap

from mae_bench.protocols.recorded_steps import Batch
from mae_bench.protocols.stacked_models import StackedModels
from mae_bench.specs import FinetuneRecipe
from mae_bench.tasks.kinds.base import Learner
from mae_bench.training.precision import autocast
from mae_bench.training.stacked_adamw import StackedAdamW


class StackedStep:
    """A step that is run operation by operation.

    Args:
        stack: the models.
        learners: of each fine-tune, whose losses they are.
        places: of each fine-tune's models among all.
        widths: of each fine-tune: outputs of a row beyond these are only padding.
        recipe: of all.
        device: of all.
    """

    how = "off"

    def __init__(
        self,
        stack: StackedModels,
        learners: Sequence[Learner],
        places: Sequence[slice],
        widths: Sequence[Sequence[int]],
        recipe: FinetuneRecipe,
        device: str,
    ) -> None:
        """Make the optimizer."""
        self.stack, self.learners, self.places, self.widths = stack, learners, places, widths
        self.recipe, self.device = recipe, device
        self.optimizer = StackedAdamW(
            stack.flat.detach(),
            stack.spans,
            betas=(recipe.beta1, recipe.beta2),
            eps=recipe.eps,
            is_corrected=recipe.bias_correction,
        )

    def __call__(self, batch: Batch) -> Tensor:
        """Take a step of all models; return their losses [k], without their graph.

        Args:
            batch: ids and padding [k, B, ...], noise of dropout (`StackedModels`), rates [k, 1],
                and the targets of each fine-tune, which are as many as its rows.
        """
        ids, is_pad, noise, rates, *targets = batch
        assert ids is not None and rates is not None
        with autocast(self.device, self.recipe.precision):
            outputs = self.stack(ids, is_pad, noise)
        losses = torch.cat(
            [
                _losses(learner, cut(outputs[place], len(own), widths), own)
                for learner, place, widths, own in zip(
                    self.learners, self.places, self.widths, targets, strict=True
                )
                if own is not None
            ]
        )
        self.stack.flat.grad = None
        losses.sum().backward()  # no model's loss depends on another's weights
        self.optimizer.step(self.stack.clipped(self.recipe.clip_norm), rates)
        return losses.detach()

    def make_recordable(self) -> None:
        """Nothing is left to do: the rates are in the batch, the optimizer counts on the device."""

    def give_up(self) -> None:
        """Drop gradients that a recording may have made."""
        self.stack.flat.grad = None


def cut(outputs: Tensor, rows: int, widths: Sequence[int]) -> Tensor:
    """Return outputs [k, B, ...] without the rows, and what of a row, is only padding."""
    return outputs[(slice(None), slice(rows), *map(slice, widths))]


def _losses(learner: Learner, outputs: Tensor, targets: Tensor) -> Tensor:
    losses: Tensor = vmap(lambda own: learner.loss(own, targets))(outputs)
    return losses
