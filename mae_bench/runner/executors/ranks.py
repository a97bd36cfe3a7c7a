"""The executor under torchrun: ranks share each pretraining, and then the rest as workers."""

from dataclasses import replace

from mae_bench.errors import SpecError
from mae_bench.planning.stage import Key, Stage
from mae_bench.runner.executors.base import Executor, WorkOrder
from mae_bench.runner.rank_group import RankGroup
from mae_bench.runner.work import Emit, Event


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

        settings = replace(order.settings, parallel=self.parallel)
        if shared := _shared(order.stages):
            self.group.own(replace(order, stages=shared, settings=settings)).work(emit=hear)
        self.group.tell(order)
        self.group.own(order).work(emit=hear)


def _shared(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """Return pretrainings and what they need, which only the first rank works on by itself."""
    wanted = {stage.key for stage in stages if stage.kind == "pretrain"}
    for stage in reversed(stages):  # each after those that it needs
        if stage.key in wanted:
            wanted.update(stage.needs)
    return tuple(stage for stage in stages if stage.key in wanted)
