"""What an executor is: it starts workers somewhere and waits for them.

Workers share nothing but the home. Each takes the first stage that is ready and free, under a
lease, so that an executor decides neither the order of stages nor which worker runs which. It may
start workers in processes, in the jobs of a cluster, or one after another.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mae_bench.errors import StoreError
from mae_bench.planning.stage import Key, Stage
from mae_bench.registry import Registry
from mae_bench.runner.devices import num_cards, worker_device
from mae_bench.runner.memory import keep_freed_memory
from mae_bench.runner.stages import Settings
from mae_bench.runner.work import Emit, Event, ignore_event, never_tired, work
from mae_bench.store.artefact import read_about
from mae_bench.store.store import Store

_ENDS = ("done", "elsewhere", "failed", "blocked")


@dataclass(frozen=True)
class WorkOrder:
    """All that a worker needs, on whatever machine it runs; it can be pickled.

    Attributes:
        stages: each after those that it needs.
        home: of the store, under a path that every worker reaches.
        settings: of every worker.
        num_workers: that share the stages.
    """

    stages: tuple[Stage, ...]
    home: Path
    settings: Settings
    num_workers: int

    def work(
        self,
        worker: int = 0,
        emit: Emit = ignore_event,
        is_tired: Callable[[int], bool] = never_tired,
    ) -> bool:
        """Be one of the workers, in this process, until nothing is left to do.

        Args:
            worker: its number, from 0; on GPUs it decides which card it takes.
            emit: is called with each event.
            is_tired: whether to stop early, asked with the number of stages run so far.

        Returns:
            Whether every stage came to its end.

        Raises:
            StoreError: the home is full or cannot be written; what is done stays.
        """
        self.settings.apply()
        keep_freed_memory()
        cards = num_cards() if self.settings.device == "cuda" and self.num_workers > 1 else 1
        device = worker_device(self.settings.device, worker, self.num_workers, cards)
        settings = self.settings.on(device)
        return work(self.stages, Store(self.home), settings, emit, worker, is_tired)


class Executor(ABC):
    """Brings the stages of a work order to an end; made without arguments."""

    def choose_workers(self, asked: int | None, device: str, num_stages: int) -> int:
        """Return the number of workers: as asked, else 1.

        Args:
            asked: by the user; None where nothing was.
            device: ``cpu`` or ``cuda``.
            num_stages: that are left.
        """
        return 1 if asked is None else asked

    @abstractmethod
    def execute(self, order: WorkOrder, emit: Emit) -> None:
        """Call ``order.work(number)`` in each of ``order.num_workers`` workers; wait for all.

        Args:
            order: whose stages are to be brought to an end.
            emit: to be called in this process with the events of workers. An executor that
                cannot hear them leaves it: ends of stages are then emitted when it returns.
        """


EXECUTORS: Registry[type[Executor]] = Registry("executor", "executors")


def run_order(name: str, order: WorkOrder, emit: Emit) -> None:
    """Run an order with the executor of that name, and emit the ends that it did not.

    Raises:
        StoreError: the home is full or cannot be written, or the executor returned while stages
            were neither done nor failed; what is done stays.
    """
    store = Store(order.home)
    ended: set[Key] = {stage.key for stage in order.stages if store.is_done(*stage.key)}
    lost: set[Key] = set()

    def hear(event: Event) -> None:
        if event.what in _ENDS:
            ended.add(event.key)
        if event.what in ("failed", "blocked"):
            lost.add(event.key)
        emit(event)

    EXECUTORS.get(name)().execute(order, hear)
    left = []
    for stage in order.stages:
        if stage.key in ended:
            continue
        if store.is_done(*stage.key):
            seconds = float(read_about(store.path(*stage.key)).get("seconds", 0.0))
            hear(Event("done", stage.key, stage.label, seconds=seconds))
        elif failure := store.failure(*stage.key):
            hear(Event("failed", stage.key, stage.label, note=str(failure.get("message"))))
        elif any(need in lost for need in stage.needs):
            hear(Event("blocked", stage.key, stage.label))
        else:
            left.append(stage)
    if left:
        raise StoreError(
            f"executor '{name}' ended while {len(left)} of {len(order.stages)} stages, the first "
            f"'{left[0].label}', were neither done nor failed; run the same command again, with "
            "--executor local to see whether it is the executor"
        )
