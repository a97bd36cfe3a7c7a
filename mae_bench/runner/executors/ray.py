"""The executor of a Ray cluster: each worker is an actor, which Ray puts where there is room."""

import logging
import os
import socket
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from mae_bench.errors import MaeBenchError, SpecError, StoreError
from mae_bench.planning.stage import Key
from mae_bench.runner.executors.base import (
    EXECUTORS,
    Executor,
    WorkOrder,
    asked_workers,
)
from mae_bench.runner.executors.home_log import HomeLog
from mae_bench.runner.executors.local import MAX_DEATHS, is_tired
from mae_bench.runner.extras import require_package
from mae_bench.runner.work import Emit, Event
from mae_bench.store.leases import held_by, host_name
from mae_bench.store.store import Store

if TYPE_CHECKING:
    from ray import ObjectRef

LOOK_S = 1.0  # between looks into the log of the home
CONNECT_S = 10.0  # for a cluster to answer
LAST_S = 30.0  # for workers to see that all is over, before they are ended
MAX_LOSSES = 2  # of workers in one stage, which is then blamed: a node may die once beside it


@EXECUTORS.register("ray")
class RayExecutor(Executor):
    """Actors of a Ray cluster, a worker each, started where there is room; `mae-bench[ray]`."""

    name = "ray"
    options: ClassVar[Mapping[str, str]] = {
        "address": "of a running cluster; default: $RAY_ADDRESS, else one on this machine",
        "num_gpus": "cards of a worker, 0.5 where two share one; default: 1 with --device cuda",
        "num_cpus": "cores of a worker; default: 1",
    }
    is_elsewhere = True

    def __init__(
        self, address: str | None = None, num_gpus: float | None = None, num_cpus: float = 1
    ) -> None:
        """Check that Ray is installed; nothing is started yet.

        Raises:
            SpecError: it is not, a number is below 0, or the address is no text.
        """
        require_package("ray", "executor 'ray'", "ray")
        if not isinstance(address, str | None):  # on the command line 6379 is a number
            raise SpecError(
                f"executor 'ray': address must be HOST:PORT, a URL or auto, got {address!r}"
            )
        for name, number in (("num_gpus", num_gpus), ("num_cpus", num_cpus)):
            if number is not None and not (isinstance(number, int | float) and number >= 0):
                raise SpecError(f"executor 'ray': {name} must be a number from 0, got {number!r}")
        self.address, self.num_gpus, self.num_cpus = address, num_gpus, num_cpus

    @classmethod
    def made_of(cls, options: Mapping[str, object]) -> Self:
        """Return an executor with options by name; their values are checked where it is made."""
        return cls(**options)  # type: ignore[arg-type]

    def choose_workers(self, asked: int | None, device: str, num_stages: int) -> int:
        """Return the number asked for.

        Raises:
            SpecError: none was.
        """
        return asked_workers(self.name, asked)

    def choose_device(self, asked: str) -> str:
        """Return ``cuda`` where it, or a card for each worker, was asked for."""
        return "cuda" if asked == "cuda" or (asked == "auto" and self.num_gpus) else "cpu"

    def execute(self, order: WorkOrder, emit: Emit) -> None:
        """Bring every stage to an end.

        Raises:
            SpecError: no cluster answers.
            StoreError: the home is full or cannot be written; what is done stays.
        """
        import ray

        is_ours = not ray.is_initialized()
        if is_ours:
            self.connect()
        num_gpus = self.num_gpus
        if num_gpus is None:
            num_gpus = 1 if order.settings.device == "cuda" else 0
        has: dict[str, float] = ray.cluster_resources()
        if has.get("GPU", 0) < num_gpus or has.get("CPU", 0) < self.num_cpus:
            note = (
                f"the Ray cluster has {has.get('CPU', 0):g} cores and {has.get('GPU', 0):g} cards "
                f"now, and a worker takes {self.num_cpus:g} and {num_gpus:g}; waiting for more"
            )
            emit(Event("message", ("ray", ""), "ray", note=note))
        try:
            _Actors(order, emit, num_gpus, self.num_cpus).run()
        finally:
            if is_ours:
                ray.shutdown()

    def connect(self) -> None:
        """Join the cluster, or start one on this machine.

        Raises:
            SpecError: none answers at the address.
        """
        import ray

        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        address = self.address or os.environ.get("RAY_ADDRESS")
        try:
            _look_for(address)
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, RuntimeError, ValueError) as error:
            why = str(error).strip().partition("\n")[0]
            raise SpecError(
                f"no Ray cluster answers at '{address}' ({why}); start one by `ray start --head`, "
                "give its address by --ray-address, or leave that out for one on this machine"
            ) from error


def _look_for(address: str | None) -> None:
    """Raise OSError at once where nothing listens; Ray itself tries for ten minutes or more."""
    host, colon, port = (address or "").rpartition("://")[2].rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()


@dataclass(frozen=True)
class _Member:
    number: int
    actor: Any  # Ray adds `remote` to the methods of its class
    who: "ObjectRef[tuple[str, int]]"  # host and pid, known once it runs


class _Actors:
    def __init__(self, order: WorkOrder, emit: Emit, num_gpus: float, num_cpus: float) -> None:
        import ray

        self.order, self.store, self.emit = order, Store(order.home), emit
        self.sent = ray.put(order)  # once, not with each worker
        self.kind: Any = ray.remote(num_gpus=num_gpus, num_cpus=num_cpus)(_Worker)
        self.team: dict[ObjectRef[bool], _Member] = {}
        self.losses: Counter[Key] = Counter()
        self.deaths = 0  # in a row, of workers that held no stage
        self.is_over = False

    def start(self, number: int) -> None:
        actor = self.kind.remote(self.sent, number, os.getcwd())  # noqa: PTH109
        who = actor.who.remote()
        self.team[actor.work.remote()] = _Member(number, actor, who)

    def run(self) -> None:
        import ray

        log = HomeLog(self.store, self.order.stages)
        try:
            for number in range(self.order.num_workers):
                self.start(number)
            while not self.is_over:
                ended, _ = ray.wait(list(self.team), timeout=LOOK_S)
                for event in log.events():
                    self.deaths = 0
                    self.emit(event)
                for work in ended:
                    self.ended(work, self.team.pop(work))
            at_work = [work for work, member in self.team.items() if _has_started(member)]
            if at_work:  # they see it at their next look; the others wait for room in vain
                ray.wait(at_work, num_returns=len(at_work), timeout=LAST_S)
            for event in log.events():
                self.emit(event)
        finally:
            for member in self.team.values():
                ray.kill(member.actor)

    def ended(self, work: "ObjectRef[bool]", member: _Member) -> None:
        """Let a worker go; where it died, start another, and blame what kills every worker."""
        import ray
        from ray.exceptions import RayError, RayTaskError

        try:
            self.is_over = bool(ray.get(work)) or self.is_over
        except RayTaskError as error:
            if isinstance(error.cause, MaeBenchError):
                raise error.cause from None
            raise
        except RayError as error:
            self.died(member, str(error).strip())
        else:
            ray.kill(member.actor)
        if not self.is_over:
            self.start(member.number)

    def died(self, member: _Member, why: str) -> None:
        import ray
        from ray.exceptions import RayError

        try:
            host, pid = ray.get(member.who)
        except RayError:  # before it ran
            held = set()
        else:
            held = held_by(self.store.home / "leases", pid, host)
        self.losses.update(held)
        for stage in self.order.stages:
            if stage.key in held and self.losses[stage.key] >= MAX_LOSSES:
                reason = f"its worker died {MAX_LOSSES} times; Ray says: {why}"
                self.store.record_failure(*stage.key, stage.label, ChildProcessError(reason))
        self.deaths += not held
        if self.deaths > MAX_DEATHS:
            raise StoreError(
                f"workers keep dying before they start a stage ({why.splitlines()[-1]}); see the "
                "logs of Ray, or run with --executor local"
            )


def _has_started(member: _Member) -> bool:
    import ray

    return bool(ray.wait([member.who], timeout=0)[0])


class _Worker:
    """The actor."""

    def __init__(self, order: WorkOrder, number: int, folder: str) -> None:
        if os.path.isdir(folder):  # noqa: PTH112  # where relative paths of a study begin
            os.chdir(folder)
        self.order, self.number = order, number

    def who(self) -> tuple[str, int]:
        return host_name(), os.getpid()

    def work(self) -> bool:
        return self.order.work(self.number, is_tired=is_tired)
