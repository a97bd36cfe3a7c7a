"""The executor of one machine: worker processes that share a home through leases."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from mae_bench.errors import MaeBenchError, StoreError
from mae_bench.planning.machine import num_cores
from mae_bench.runner.devices import num_cards
from mae_bench.runner.executors.base import EXECUTORS, Executor, WorkOrder
from mae_bench.runner.interrupts import INTERRUPTED, interrupt, repeat_dropped_interrupts
from mae_bench.runner.memory import resident_bytes
from mae_bench.runner.work import Emit, Event
from mae_bench.store.leases import held_by
from mae_bench.store.store import Store

MAX_WORKERS = 8
MAX_DEATHS = 3  # of workers, beyond those that a stage can be blamed for
MAX_RESIDENT = 2 << 30  # then a fresh process: 80 fine-tunes of many shapes grow one to 3 GB
MAX_STAGES = 60  # then a fresh process, where the platform does not report its memory
RETIRED = 76  # exit code of a worker that stopped there
ORPHANED = 75  # exit code of one whose parent was killed


@EXECUTORS.register("local")
class LocalExecutor(Executor):
    """Processes of this machine; a single worker is this process itself."""

    def choose_workers(self, asked: int | None, device: str, num_stages: int) -> int:
        """Return the number of workers: as asked, else one a visible card, or one a core."""
        if asked is not None:
            return asked
        most = min(num_cores(), MAX_WORKERS) if device == "cpu" else num_cards()
        return max(1, min(most, num_stages))

    def execute(self, order: WorkOrder, emit: Emit) -> None:
        """Bring every stage to an end.

        Raises:
            StoreError: the home is full or cannot be written; what is done stays.
            KeyboardInterrupt: after the workers have ended.
        """
        if order.num_workers == 1:
            order.work(emit=emit)
            return
        run_crew(order, emit)


def run_crew(order: WorkOrder, emit: Emit) -> None:
    """Bring every stage to an end in processes of this machine; one that dies is replaced.

    Raises:
        StoreError: the home is full or cannot be written; what is done stays.
        KeyboardInterrupt: after the workers have ended.
    """
    order.settings.apply()  # so that workers inherit the variables before they import
    _Crew(order, emit).run()


@dataclass(frozen=True)
class _Member:
    """A worker and the end of its own pipe.

    One pipe a worker: a queue that all write to has one lock, and a worker killed while it holds
    that lock would silence the others for ever.
    """

    process: BaseProcess
    events: Connection


class _Crew:
    def __init__(self, order: WorkOrder, emit: Emit) -> None:
        self.order = order
        self.store = Store(order.home)
        self.emit = emit
        self.context = multiprocessing.get_context("spawn")
        self.team = {number: self.start(number) for number in range(order.num_workers)}
        self.deaths = 0

    def start(self, number: int) -> _Member:
        events, sender = self.context.Pipe(duplex=False)
        args = (self.order, sender, number)
        process = self.context.Process(target=_main, args=args, name=f"mae-bench worker {number}")
        process.start()
        sender.close()  # the worker's end is then the only one, and its death ends the pipe
        return _Member(process, events)

    def run(self) -> None:
        try:
            while self.team:
                wait([end for m in self.team.values() for end in (m.events, m.process.sentinel)])
                for number, member in list(self.team.items()):
                    is_alive = member.process.is_alive()  # before the look at its last events
                    for event in _received(member):
                        self.hear(event)
                    if not is_alive:
                        self.ended(number, member)
        finally:
            self.stop()

    def hear(self, event: Event | MaeBenchError) -> None:
        if isinstance(event, MaeBenchError):
            raise event
        self.emit(event)

    def ended(self, number: int, member: _Member) -> None:
        """Let a worker go; where it was killed, blame its stage and start another."""
        del self.team[number]
        member.events.close()
        process = member.process
        if process.exitcode == 0:
            return
        if process.exitcode in (RETIRED, INTERRUPTED):  # the latter when a cluster told it to end
            self.team[number] = self.start(number)
            return
        held = held_by(self.store.home / "leases", process.pid or 0)
        for stage in self.order.stages:
            if stage.key in held:
                reason = f"its worker process ended with code {process.exitcode}"
                if process.exitcode == -signal.SIGKILL:
                    reason += " (SIGKILL: perhaps the machine ran out of memory)"
                self.store.record_failure(*stage.key, stage.label, ChildProcessError(reason))
        self.deaths += not held
        if self.deaths > MAX_DEATHS:
            raise StoreError(
                f"workers keep ending with code {process.exitcode} before they start a stage; "
                "run with --workers 1 to see why"
            )
        self.team[number] = self.start(number)

    def stop(self) -> None:
        for member in self.team.values():
            member.process.terminate()
        for member in self.team.values():
            member.process.join(10)
            if member.process.is_alive():
                member.process.kill()
                member.process.join()
            member.events.close()


def _received(member: _Member) -> Iterator[Event | MaeBenchError]:
    """Yield all that a worker has sent since the last look."""
    while True:
        try:
            if not member.events.poll():
                return
            event = member.events.recv()
        except (EOFError, OSError):  # OSError: it was killed in the middle of a message
            member.process.join()
            return
        yield event


def _main(order: WorkOrder, events: Connection, number: int) -> None:
    """Be a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and ends its workers
    signal.signal(signal.SIGTERM, interrupt)
    if hasattr(signal, "SIGUSR2"):  # Slurm's notice before it ends a job, which the parent hears
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    repeat_dropped_interrupts()
    try:
        is_over = _work_and_emit(order, events, number)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # nothing is left to unwind
    except KeyboardInterrupt:
        os._exit(INTERRUPTED)  # all is unwound; the parent listens no more
    if not is_over:
        sys.exit(RETIRED)


def _work_and_emit(order: WorkOrder, events: Connection, number: int) -> bool:
    """Return whether every stage came to its end, or an error ended it, which the parent hears."""
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def emit(event: Event) -> None:
        try:
            events.send(event)
        except BrokenPipeError:
            os._exit(ORPHANED)

    try:
        return order.work(number, emit, is_tired)
    except MaeBenchError as error:
        events.send(error)
        return True


def is_tired(num_run: int) -> bool:
    """Whether a worker should end after so many stages, for its memory has grown."""
    held = resident_bytes()
    return num_run >= MAX_STAGES if held is None else held > MAX_RESIDENT


def _end_with_parent() -> None:
    """End this process when its parent was killed, so that none works on unseen."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(ORPHANED)
