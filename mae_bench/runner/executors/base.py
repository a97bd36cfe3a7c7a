"""What an executor is: it starts workers somewhere and waits for them.

Workers share nothing but the home. Each takes the first stage that is ready and free, under a
lease, so that an executor decides neither the order of stages nor which worker runs which. It may
start workers in processes, in the jobs of a cluster, or one after another.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from mae_bench.errors import SpecError, StoreError, near_match
from mae_bench.planning.stage import Key, Stage
from mae_bench.registry import Registry
from mae_bench.runner.devices import chosen_device, num_cards, worker_device
from mae_bench.runner.memory import keep_freed_memory
from mae_bench.runner.stages import Settings
from mae_bench.runner.work import Emit, Event, ignore_event, never_tired, work
from mae_bench.store.artefact import read_about
from mae_bench.store.store import Store

ENDS = ("done", "elsewhere", "failed", "blocked")


@dataclass(frozen=True)
class WorkOrder:
    """All that a worker needs, on whatever machine it runs; it can be pickled.

    Attributes:
        stages: each after those that it needs.
        home: of the store, under a path that every worker reaches.
        settings: of every worker.
        num_workers: that share the stages.
        is_elsewhere: whether workers run on machines whose devices nobody has looked at yet.
    """

    stages: tuple[Stage, ...]
    home: Path
    settings: Settings
    num_workers: int
    is_elsewhere: bool = False

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
            SpecError: the device is cuda and this machine has none.
        """
        self.settings.apply()
        keep_freed_memory()
        if self.is_elsewhere:
            chosen_device(self.settings.device)
        cards = num_cards() if self.settings.device == "cuda" and self.num_workers > 1 else 1
        device = worker_device(self.settings.device, worker, self.num_workers, cards)
        settings = self.settings.on(device)
        return work(self.stages, Store(self.home), settings, emit, worker, is_tired)


class Executor(ABC):
    """Brings the stages of a work order to an end; made without arguments, unless it has options.

    Attributes:
        name: under which it was made.
        options: that it takes, with what each means.
        is_elsewhere: whether its workers run on other machines, whose devices cannot be seen here.
    """

    name: str = ""
    options: ClassVar[Mapping[str, str]] = {}
    is_elsewhere: ClassVar[bool] = False

    @classmethod
    def made_of(cls, options: Mapping[str, object]) -> Self:
        """Return an executor with options that a user gave, by name."""
        return cls()

    def choose_workers(self, asked: int | None, device: str, num_stages: int) -> int:
        """Return the number of workers: as asked, else 1.

        Args:
            asked: by the user; None where nothing was.
            device: ``cpu`` or ``cuda``.
            num_stages: that are left.
        """
        return 1 if asked is None else asked

    def choose_device(self, asked: str) -> str:
        """Return ``cpu`` or ``cuda`` for ``auto``, ``cpu`` or ``cuda``.

        Raises:
            SpecError: cuda was asked for, and there is none where workers will run.
        """
        return chosen_device(asked)

    @abstractmethod
    def execute(self, order: WorkOrder, emit: Emit) -> None:
        """Call ``order.work(number)`` in each of ``order.num_workers`` workers; wait for all.

        Args:
            order: whose stages are to be brought to an end.
            emit: to be called in this process with the events of workers. An executor that
                cannot hear them leaves it: ends of stages are then emitted when it returns.
        """


EXECUTORS: Registry[type[Executor]] = Registry("executor", "executors")


def make_executor(name: str, options: Mapping[str, object] | None = None) -> Executor:
    """Return the executor of that name.

    Raises:
        SpecError: the name or an option is unknown, or a package that it needs is not installed.
    """
    kind, options = EXECUTORS.get(name), options or {}
    for option in options:
        if kind.options and option not in kind.options:
            raise SpecError(
                f"executor '{name}' has no option '{option}'; it takes {', '.join(kind.options)}."
                + near_match(option, kind.options)
            )
        if not kind.options:
            raise SpecError(f"executor '{name}' takes no options, got '{option}'; leave it out")
    executor = kind.made_of(options)
    executor.name = name
    return executor


def asked_workers(executor: str, asked: int | None) -> int:
    """Return the number of workers asked for.

    Raises:
        SpecError: none was, and what a cluster has free cannot be known.
    """
    if asked is None:
        raise SpecError(
            f"executor '{executor}' must be told how many workers to start; add --workers NUMBER"
        )
    return asked


def run_order(executor: Executor, order: WorkOrder, emit: Emit) -> None:
    """Run an order with an executor, and emit the ends that it did not.

    Raises:
        StoreError: the home is full or cannot be written, or the executor returned while stages
            were neither done nor failed; what is done stays.
    """
    store = Store(order.home)
    ended: set[Key] = {stage.key for stage in order.stages if store.is_done(*stage.key)}
    lost: set[Key] = set()

    def hear(event: Event) -> None:
        if event.what in ENDS:
            ended.add(event.key)
        if event.what in ("failed", "blocked"):
            lost.add(event.key)
        emit(event)

    executor.execute(order, hear)
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
            f"executor '{executor.name}' ended while {len(left)} of {len(order.stages)} stages, "
            f"the first '{left[0].label}', were neither done nor failed; run the same command "
            "again, with --executor local to see whether it is the executor"
        )
