"""The ranks that torchrun has started: the first works on a study, and the others hear it.

Ranks share a pretraining; all else they do as ordinary workers, under leases.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

import torch
import torch.distributed as dist
from torch.distributed.rendezvous import rendezvous

from mae_bench.errors import MaeBenchError, RankError, SpecError
from mae_bench.pretraining.ranks import FOREVER, DataParallel, ShardedRanks
from mae_bench.progress import Progress, silent
from mae_bench.runner.executors.base import WorkOrder
from mae_bench.runner.network import closed_network
from mae_bench.runner.stages import Settings
from mae_bench.runner.torchrun import local_number
from mae_bench.runner.training import Training

INTERRUPTED = 130

Errand = tuple[Training, Settings] | WorkOrder | None  # a pretraining, other stages, or the end


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

    def own(self, order: WorkOrder) -> WorkOrder:
        """Return an order for this rank alone, on its device."""
        device = self.own_device(order.settings.device.partition(":")[0])
        return replace(order, settings=replace(order.settings, device=device), num_workers=1)

    def train(self, training: Training, settings: Settings, progress: Progress) -> None:
        """Train together with the other ranks, of which the first tells the others what."""
        if self.number == 0:
            self.tell((training, settings))
        device = self.own_device(training.device.partition(":")[0])
        settings.on(device)
        torch.set_num_threads(settings.num_threads)
        self.num_trainings += 1
        kind = ShardedRanks if settings.parallel == "fsdp" else DataParallel
        ranks = kind(self.store, self._group(device), f"training {self.num_trainings}")
        replace(training, device=device).run(progress, ranks)

    def tell(self, errand: Errand) -> None:
        """Send the other ranks, which `serve`, on an errand."""
        dist.broadcast_object_list([errand], 0, device=torch.device("cpu"))

    def serve(self) -> int:
        """Do what the first rank tells until it ends; return an exit code.

        Raises:
            RankError: a rank was lost in a pretraining.
            StoreError: the home is full or cannot be written.
        """
        try:
            while (errand := self._hear()) is not None:
                if isinstance(errand, WorkOrder):
                    with _interruptible():
                        self.own(errand).work(self.number)
                else:
                    self._help(*errand)
        except KeyboardInterrupt:
            return INTERRUPTED
        return 0

    def end(self) -> None:
        """End the ranks that serve."""
        self.tell(None)
        dist.destroy_process_group()

    def _hear(self) -> Errand:
        heard: list[Errand] = [None]
        try:
            dist.broadcast_object_list(heard, 0, device=torch.device("cpu"))
        except RuntimeError:
            return None  # the first rank is gone; torchrun says why
        return heard[0]

    def _help(self, training: Training, settings: Settings) -> None:
        try:
            with closed_network("pretraining"):
                self.train(training, settings, silent)
        except RankError:
            raise
        except Exception as error:  # of every rank, and the first keeps it as the stage's failure
            if not isinstance(error, MaeBenchError):
                raise

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


@contextmanager
def _interruptible() -> Iterator[None]:
    """Have SIGTERM, by which torchrun ends ranks, give leases back."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
