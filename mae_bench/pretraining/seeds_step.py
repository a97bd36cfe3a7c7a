"""One training step of k seeds at once: stacked views, one backward pass, one optimizer.

Each seed keeps its own rows, masks and norm of the gradient, so that it learns what it would alone.
Legend: k seeds, B rows of a batch.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mae_bench.data.blocks import Blocks
from mae_bench.draws import Draws
from mae_bench.errors import MaeBenchError
from mae_bench.model.means import Number
from mae_bench.objectives.base import View
from mae_bench.objectives.view_tensors import stacked, with_filling
from mae_bench.pretraining.batches import Batches
from mae_bench.pretraining.device_rows import device_rows
from mae_bench.pretraining.row_order import RowOrder
from mae_bench.pretraining.run import Run
from mae_bench.pretraining.stacked import StackedObjective
from mae_bench.pretraining.step import Part, Step
from mae_bench.training.optim import clip_factors

BLOCK_ROWS = 65_536  # that are looked at at once


class TooManySeedsError(MaeBenchError):
    """The device has not the memory for so many seeds at once."""


class SeedBatches(Batches):
    """The rows of a corpus, and an order of them for each seed."""

    def __init__(
        self, data: Blocks, orders: Sequence[RowOrder], device: str, least_tokens: int
    ) -> None:
        """Take an order for each seed; else as `Batches`, with row numbers [k, B]."""
        rows = device_rows(data.rows, orders, device)
        super().__init__(data, orders[0], device, least_tokens, rows)
        self.orders = orders
        self.order = self.order.expand(len(orders), -1).clone()

    def is_surely_taught(self, step: int) -> bool:
        """Whether it is: `are_all_taught` was asked of all steps before the first one."""
        return True

    def are_all_taught(self, steps: range) -> bool:
        """Whether in each of these steps each seed has a row long enough to hide a token."""
        starts = range(0, len(self.data.rows), BLOCK_ROWS)
        blocks = (slice(start, start + BLOCK_ROWS) for start in starts)
        if not self.has_pads or all(bool(self._teaches(block).all()) for block in blocks):
            return True
        batches = (order.batch(step)[1] for step in steps for order in self.orders)
        return all(bool(self._teaches(rows).any()) for rows in batches)

    def _order_of(self, epoch: int) -> np.ndarray:
        return np.stack([order.of_epoch(epoch) for order in self.orders])


class SeedsStep(Step):
    """A step of k seeds, in each of which every seed has a token to predict.

    Args:
        runs: of one arm, each of another seed; their objectives become slices of stacked ones.
        batches: rows, in an order for each seed.
    """

    def __init__(self, runs: Sequence[Run], batches: SeedBatches) -> None:
        """Stack the seeds and make their optimizer."""
        run = runs[0]
        self.runs = runs
        self.stack = StackedObjective([run.objective for run in runs])
        own = run.make_optimizer()
        super().__init__(run.objective, own, batches, run.recipe, run.spec.seed, run.requires)
        self.optimizer = self._stacked_optimizer(own)
        self.forward = self.stack
        self.trained = list(self.stack.trained.values())
        self.loss_sum = torch.zeros(len(runs), device=self.device)

    def split(self, index: Tensor) -> Sequence[Tensor]:
        """Return the row numbers [k, B]: memory is saved by fewer seeds, not by fewer rows."""
        return (index,)

    def view(self, epoch: int | Tensor, index: Tensor, progress: float) -> View:
        """Return each seed's view of its rows [k, B], as it has it alone, stacked."""
        views = []
        for run, rows in zip(self.runs, index.unbind(), strict=True):
            draws = Draws(run.spec.seed, epoch, rows, progress)
            views.append(with_filling(run.objective.corrupt(self.batches.block(rows), draws)))
        return stacked(views)

    def gradients(self, parts: Sequence[Part]) -> Number:
        """Add the gradient of each seed's loss to its own parameters.

        Returns:
            At least as many tokens as were predicted: one of each seed.
        """
        (part,) = parts
        output = part()
        output.loss.sum().backward()  # no seed's loss depends on another's weights
        self.loss_sum += output.loss.detach()
        return len(self.runs)

    def clip(self) -> None:
        """Shorten the gradient of each seed to the recipe's norm."""
        given = [p.grad for p in self.trained if p.grad is not None]
        norms = torch.stack([torch.linalg.vector_norm(g.flatten(1), dim=1) for g in given])
        total = torch.linalg.vector_norm(norms, dim=0)
        factors = clip_factors(total, self.recipe.clip_norm)
        for gradient in given:
            gradient.mul_(factors.view(-1, *[1] * (gradient.ndim - 1)))

    def update(self) -> None:
        """Move the weights by their gradients, and do what follows a step of each seed."""
        self.optimizer.step()
        for run in self.runs:
            run.objective.after_step()

    def restore(self) -> None:
        """Go on from the saved states of the seeds, which are as far as each other."""
        singles = [run.make_optimizer() for run in self.runs]
        for run, single in zip(self.runs, singles, strict=True):
            run.restore(single)
        own = [dict(run.objective.named_parameters()) for run in self.runs]
        for name, stack in self.stack.trained.items():
            states = [
                single.state.get(named[name], {})
                for single, named in zip(singles, own, strict=True)
            ]
            self.optimizer.state[stack] = {
                key: value if key == "step" else torch.stack([state[key] for state in states])
                for key, value in states[0].items()
            }

    def save(self) -> None:
        """Write the running state of each seed, as it would write it alone."""
        for index, run in enumerate(self.runs):
            single = run.make_optimizer()
            own = dict(run.objective.named_parameters())
            for name, stack in self.stack.trained.items():
                single.state[own[name]] = {
                    key: value if key == "step" else value[index]
                    for key, value in self.optimizer.state.get(stack, {}).items()
                }
            run.save(single, self.micro_rows)

    def _halve(self, cause: str) -> None:
        raise TooManySeedsError(cause)

    def _stacked_optimizer(self, own: torch.optim.Optimizer) -> torch.optim.Optimizer:
        """Return AdamW of the stacked parameters, in the groups of a seed's own."""
        stack_of = {
            parameter: self.stack.trained[name]
            for name, parameter in self.objective.named_parameters()
            if parameter.requires_grad
        }
        groups = [
            {**group, "params": [stack_of[parameter] for parameter in group["params"]]}
            for group in own.param_groups
        ]
        return torch.optim.AdamW(groups, fused=True)
