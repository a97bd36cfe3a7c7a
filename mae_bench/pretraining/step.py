"""One training step: corruption, forward and backward passes, clipping, optimizer.

All that a step reads lies on the device or is a number of the step; the loss stays there, too, and
is copied only where a curve takes a point. `Step` runs it operation by operation;
`recorded.RecordedStep` replays it.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from mae_bench.draws import Draws
from mae_bench.errors import DataError, first_line
from mae_bench.model.means import Number, at_least_one
from mae_bench.objectives.base import LossOutput, Objective, Requirements, View
from mae_bench.pretraining.batches import Batches
from mae_bench.seeding import seed_for
from mae_bench.specs import PretrainRecipe
from mae_bench.training.precision import autocast

Part = Callable[[], LossOutput]  # the loss of some rows of a batch
Forward = Callable[[View], LossOutput]  # of an objective


class Stepper(Protocol):
    """What makes the steps of a training.

    Attributes:
        how: ``off``, ``graph`` or ``inductor``, and why not what was asked for, if it is not.
    """

    how: str

    def __call__(self, number: int, progress: float) -> bool:
        """Take step ``number`` at a share of the budget; return whether a token was predicted."""


class Step:
    """A training step that is run operation by operation.

    Args:
        objective: on its device, in training mode.
        optimizer: of its parameters.
        batches: rows.
        recipe: of the pretraining.
        seed: of its draws.
        requires: what the objective needs of a batch.
    """

    why_not_recorded = ""  # of the step itself; objectives have their own

    def __init__(
        self,
        objective: Objective,
        optimizer: torch.optim.Optimizer,
        batches: Batches,
        recipe: PretrainRecipe,
        seed: int,
        requires: Requirements,
    ) -> None:
        self.objective, self.optimizer, self.batches = objective, optimizer, batches
        self.forward: Forward = objective
        self.recipe, self.seed, self.requires = recipe, seed, requires
        self.trained = [p for p in objective.parameters() if p.requires_grad]
        self.device = batches.device
        self.loss_sum = torch.zeros((), device=self.device)
        self.micro_rows = recipe.batch_rows
        self.how = "off"

    def __call__(self, number: int, progress: float) -> bool:
        """Take a step; return whether a token was predicted."""
        epoch, index = self.batches.at(number)

        def loss_of(rows: Tensor) -> LossOutput:
            return self.output(self.view(epoch, rows, progress), self.forward)

        predicted = self.with_memory(
            number,
            lambda: self.gradients([partial(loss_of, rows) for rows in self.split(index)]),
        )
        if predicted:  # else texts so short that nothing is hidden: paid for, and nothing learned
            self.clip()
            self.update()
        return bool(predicted)

    def split(self, index: Tensor) -> Sequence[Tensor]:
        """Return the micro-batches of a batch's row numbers."""
        parts: tuple[Tensor, ...] = index.split(self.micro_rows)
        return parts

    def view(self, epoch: int | Tensor, index: Tensor, progress: float) -> View:
        """Return what the objective makes of the rows with these numbers."""
        block = self.batches.block(index)
        return self.objective.corrupt(block, Draws(self.seed, epoch, index, progress))

    def output(self, view: View, forward: Forward) -> LossOutput:
        """Return the loss of a view, in the precision of the recipe."""
        with autocast(self.device, self.recipe.precision):
            return forward(view)

    def gradients(self, parts: Sequence[Part]) -> Number:
        """Set the parameters' gradients, cleared before, to that of the mean loss of all parts.

        The loss is added to ``loss_sum``.
        A function of weights and parts alone: it knows neither the step nor the optimizer. Each
        part is weighed by what it predicts.

        Returns:
            How many tokens were predicted.
        """
        if len(parts) == 1:
            output = parts[0]()
            if isinstance(output.predicted, Tensor) or output.predicted:
                output.loss.backward()
                self.loss_sum += output.loss.detach()
            return output.predicted
        losses: list[Tensor] = []
        total: Number = 0
        for part in parts:
            output = part()
            if isinstance(output.predicted, Tensor) or output.predicted:
                weighed = output.loss * output.predicted
                weighed.backward()
                losses.append(weighed.detach())
                total = total + output.predicted
        if losses:
            given = [p.grad for p in self.trained if p.grad is not None]
            torch._foreach_div_(given, at_least_one(total))
            self.loss_sum += torch.stack(losses).sum() / at_least_one(total)
        return total

    def clip(self) -> None:
        """Shorten the gradient to the recipe's norm."""
        torch.nn.utils.clip_grad_norm_(self.trained, self.recipe.clip_norm)

    def update(self) -> None:
        """Move the weights by their gradients, and do what follows a step."""
        self.optimizer.step()
        self.objective.after_step()

    def sow(self, number: int) -> None:
        """Seed dropout for a step, so that a resumed run drops what an undisturbed one drops."""
        seed = seed_for("dropout", seed=self.seed, step=number)
        torch.default_generator.manual_seed(seed)  # alone: the rest notes each call's stack
        if self.device.startswith("cuda"):
            torch.cuda.manual_seed_all(seed)

    def with_memory(self, number: int, gradients: Callable[[], Number]) -> Number:
        """Return what ``gradients`` does, in ever smaller parts where memory does not suffice."""
        while True:
            # of an earlier step, which may have been a recorded one, or of parts that fitted
            self.optimizer.zero_grad(set_to_none=True)
            self.sow(number)
            try:
                return gradients()
            except torch.OutOfMemoryError as error:
                cause = first_line(error)  # the error itself holds on to all tensors of the step
            self._halve(cause)

    def _halve(self, cause: str) -> None:
        """Halve the micro-batch.

        Raises:
            DataError: it cannot be halved.
        """
        why = self.requires.whole_batch
        if not why and self.requires.counts_apart and self.batches.has_pads:
            why = "its terms are means over different numbers of tokens, and rows are padded"
        if not why and self.micro_rows == 1:
            why = "a micro-batch of one row is the smallest there is"
        if why:
            raise DataError(
                f"{self.device} has not the memory for {self.micro_rows} rows of '"
                f"{self.objective.name}', and they cannot be parted: {why}; lower "
                f"pretrain.batch_rows or the backbone's size ({cause})"
            )
        self.micro_rows = -(-self.micro_rows // 2)
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()
