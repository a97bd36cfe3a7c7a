"""An objective in shards, by FSDP2 (`torch.distributed.fsdp.fully_shard`)."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch
from torch import nn
from torch.distributed import ProcessGroup
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard

from mae_bench.model.backbone import Backbone
from mae_bench.objectives.base import Objective

Made = TypeVar("Made")


class Root(nn.Module):
    """What reads an objective in any way: inside its forward pass the weights are there.

    An objective has more ways to be read than its forward pass; FSDP2 knows that one alone.
    """

    def __init__(self, objective: Objective) -> None:
        """Hold the objective."""
        super().__init__()
        self.objective = objective

    def forward(self, work: Callable[[], Made]) -> Made:
        """Return what some work makes."""
        return work()


def shard(objective: Objective, group: ProcessGroup, device: str) -> Root:
    """Keep a shard of every weight on this rank, and return what the objective is read through.

    Args:
        objective: whole, on the CPU.
        group: of the ranks, on their devices.
        device: of this rank.
    """
    mesh = DeviceMesh.from_group(group, torch.device(device).type)
    for layer in _layers(objective):
        _shard(layer, mesh)
    root = Root(objective)
    _shard(root, mesh)
    return root


def _shard(module: nn.Module, mesh: DeviceMesh) -> None:
    fully_shard(module, mesh=mesh)
    assert isinstance(module, FSDPModule)
    # ranks are weighed by what they predict, then added up; gloo knows no sum that also scales
    module.set_gradient_divide_factor(1.0)
    module.set_force_sum_reduction_for_comms(True)


def _layers(objective: Objective) -> Iterator[nn.Module]:
    """Yield the layers of every encoder of an objective: its own, a teacher's, an average's."""
    seen: set[Any] = set()
    for module in objective.modules():
        if not isinstance(module, Backbone):
            continue
        for part in module.encoder.modules():
            for layer in part if isinstance(part, nn.ModuleList) else ():
                if layer not in seen and any(True for _ in layer.parameters()):
                    seen.add(layer)
                    yield layer
