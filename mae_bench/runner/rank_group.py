"""The ranks that torchrun has started: the first works on a study, and tells the others of it."""

from functools import cache

import torch
import torch.distributed as dist
from torch.distributed.rendezvous import rendezvous

from mae_bench.errors import SpecError
from mae_bench.pretraining.ranks import FOREVER, DataParallel, ShardedRanks
from mae_bench.progress import Progress
from mae_bench.runner.torchrun import local_number
from mae_bench.runner.training import Training


class RankGroup:
    """This process as one of the ranks.

    Attributes:
        number: of this rank.
        size: how many there are.
    """

    def __init__(self) -> None:
        """Meet the other ranks where torchrun has said."""
        self.store, self.number, self.size = next(rendezvous("env://", timeout=FOREVER))
        # ranks wait for the first as long as its other work takes
        dist.init_process_group(
            "gloo", store=self.store, rank=self.number, world_size=self.size, timeout=FOREVER
        )
        self.groups: dict[str, dist.ProcessGroup] = {}
        self.num_trainings = 0

    def own_device(self, device: str) -> str:
        """Return the device of this rank, for ``cpu`` or ``cuda``.

        Raises:
            SpecError: this machine has fewer cards than ranks.
        """
        if device == "cpu":
            return device
        number, cards = local_number(), torch.cuda.device_count()
        if number >= cards:
            raise SpecError(
                f"rank {self.number} needs card {number} of its machine, which has {cards}; start "
                "as many ranks as cards (--nproc-per-node)"
            )
        return f"cuda:{number}"

    def train(self, training: Training, parallel: str, progress: Progress) -> None:
        """Train together with the other ranks, each of which calls this.

        Args:
            training: on the device of this rank.
            parallel: ``ddp`` or ``fsdp``.
            progress: called with the tokens done and the tokens to do.

        Raises:
            RankError: a rank was lost.
        """
        self.num_trainings += 1
        kind = ShardedRanks if parallel == "fsdp" else DataParallel
        group = self._group(training.device)
        training.run(progress, kind(self.store, group, f"training {self.num_trainings}"))

    def tell(self, errand: object) -> None:
        """Send the other ranks on an errand; None ends them."""
        dist.broadcast_object_list([errand], 0, device=torch.device("cpu"))

    def hear(self) -> object:
        """Return the errand that the first rank sends this one on."""
        heard: list[object] = [None]
        try:
            dist.broadcast_object_list(heard, 0, device=torch.device("cpu"))
        except RuntimeError:
            return None  # the first rank is gone; torchrun says why
        return heard[0]

    def end(self) -> None:
        """End the other ranks."""
        self.tell(None)
        dist.destroy_process_group()

    def _group(self, device: str) -> dist.ProcessGroup:
        """Return the ranks as they speak to each other from a device."""
        world = dist.group.WORLD
        assert world is not None
        if device == "cpu":
            return world
        if "cuda" not in self.groups:
            made = dist.new_group(backend="nccl")
            assert isinstance(made, dist.ProcessGroup)
            self.groups["cuda"] = made
        return self.groups["cuda"]


@cache
def rank_group() -> RankGroup:
    """Return this process as one of torchrun's ranks, which meet at the first call."""
    return RankGroup()
