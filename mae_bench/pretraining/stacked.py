"""Seeds of one arm as one program: k models of one structure, whose tensors are stacked.

Legend: k seeds.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from mae_bench.model.stackable import shared_and_stacked, structure_of
from mae_bench.objectives.base import LossOutput, Objective, View
from mae_bench.objectives.view_tensors import tensors, with_tensors


class StackedObjective(nn.Module):
    """k objectives that take a stacked view and return a loss for each of them.

    Afterwards the tensors of each objective are slices of the stacked ones: what trains these
    trains each of them, and each is read, saved and loaded as if it stood alone.

    Args:
        objectives: of one arm, on their device, each of another seed.
    """

    def __init__(self, objectives: Sequence[Objective]) -> None:
        """Stack the tensors."""
        super().__init__()
        self.structure = structure_of(objectives[0]).train()
        self.trained: dict[str, nn.Parameter] = {}
        # shared are, as an example, the frequencies of positions
        self.shared, self.fixed = shared_and_stacked(
            [dict(objective.named_buffers()) for objective in objectives]
        )
        each = [dict(objective.named_parameters()) for objective in objectives]
        for name, parameter in each[0].items():
            own = [parameters[name] for parameters in each]
            values = torch.stack([value.detach() for value in own])
            for value, part in zip(own, values, strict=True):
                value.data = part
            if parameter.requires_grad:
                self.trained[name] = nn.Parameter(values)
            else:
                self.fixed[name] = values

    def forward(self, view: View) -> LossOutput:
        """Return losses [k] and numbers of predicted tokens [k] of a view of k stacked ones.

        Raises:
            RuntimeError: something draws from torch's own generator, as dropout does.
        """

        def loss_of(
            own: Mapping[str, Tensor], given: Mapping[str, Tensor]
        ) -> tuple[Tensor, Tensor]:
            state = {**own, **self.shared}
            output: LossOutput = functional_call(
                self.structure, state, (with_tensors(view, given),)
            )
            number = output.predicted
            if not isinstance(number, Tensor):
                number = torch.full((), number, device=output.loss.device)
            return output.loss, number

        program = vmap(loss_of, randomness="error")
        loss, predicted = program({**self.trained, **self.fixed}, tensors(view))
        return LossOutput(loss, predicted)
