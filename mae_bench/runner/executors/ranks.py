"""The executor under torchrun: ranks share each pretraining, and then the rest as workers."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from mae_bench.errors import RankError, SpecError
from mae_bench.planning.stage import Key, Stage
from mae_bench.progress import silent
from mae_bench.runner.executors.base import Executor, WorkOrder
from mae_bench.runner.network import closed_network
from mae_bench.runner.rank_group import RankGroup
from mae_bench.runner.stages import Settings
from mae_bench.runner.training import Training
from mae_bench.runner.work import Emit, Event

INTERRUPTED = 130


class RanksExecutor(Executor):
    """Not registered: torchrun has started its workers already.

    Args:
        group: of which this is the first rank.
        parallel: ``ddp`` or ``fsdp``.
    """

    name = "torchrun"

    def __init__(self, group: RankGroup, parallel: str) -> None:
        self.group, self.parallel = group, parallel

    def choose_workers(self, asked: int | None, device: str, num_stages: int) -> int:
        """Return the number of ranks.

        Raises:
            SpecError: another number was asked for.
        """
        if asked not in (None, self.group.size):
            raise SpecError(
                f"torchrun has started {self.group.size} ranks, which are the workers, got "
                f"{asked} workers; leave --workers out, or change --nproc-per-node"
            )
        size: int = self.group.size
        return size

    def execute(self, order: WorkOrder, emit: Emit) -> None:
        """Bring pretrainings to an end together, then every other stage under leases.

        Raises:
            StoreError: the home is full or cannot be written; what is done stays.
            RankError: a rank was lost in a pretraining.
        """
        ended: set[Key] = set()

        def hear(event: Event) -> None:
            if event.what in ("done", "elsewhere", "failed", "blocked"):
                if event.key in ended:
                    return
                ended.add(event.key)
            emit(event)

        settings = replace(order.settings, parallel=self.parallel, batch_seeds=1)
        if shared := _shared(order.stages):
            _own(self.group, replace(order, stages=shared, settings=settings)).work(emit=hear)
        self.group.tell(order)
        _own(self.group, order).work(emit=hear)


def _shared(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """Return pretrainings and what they need, which only the first rank works on by itself."""
    wanted = {stage.key for stage in stages if stage.kind == "pretrain"}
    for stage in reversed(stages):  # each after those that it needs
        if stage.key in wanted:
            wanted.update(stage.needs)
    return tuple(stage for stage in stages if stage.key in wanted)


def serve(group: RankGroup) -> int:
    """Do what the first rank tells, until it ends; return an exit code.

    Raises:
        RankError: a rank was lost in a pretraining.
        StoreError: the home is full or cannot be written.
    """
    try:
        while (errand := group.hear()) is not None:
            if isinstance(errand, WorkOrder):
                with _interruptible():
                    _own(group, errand).work(group.number)
            else:
                assert isinstance(errand, tuple)
                _help(group, *errand)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _help(group: RankGroup, training: Training, settings: Settings) -> None:
    """Take part in a pretraining."""
    import torch

    device = group.own_device(settings.device.partition(":")[0])
    torch.set_num_threads(settings.on(device).num_threads)
    assert settings.parallel is not None
    try:
        with closed_network("a pretraining"):
            group.train(replace(training, device=device), settings.parallel, silent)
    except RankError:
        raise
    except Exception:  # met by every rank alike; the first keeps it as the failure of the stage
        return


def _own(group: RankGroup, order: WorkOrder) -> WorkOrder:
    """Return an order for this rank alone, on its device."""
    device = group.own_device(order.settings.device.partition(":")[0])
    return replace(order, settings=replace(order.settings, device=device), num_workers=1)


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
