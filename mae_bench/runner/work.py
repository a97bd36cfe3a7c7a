"""What one worker does: take the first stage that is ready and free, until none is left."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from mae_bench.errors import RankError, StoreError, first_line
from mae_bench.planning.seed_groups import seed_groups
from mae_bench.planning.stage import Key, Stage
from mae_bench.progress import Progress
from mae_bench.runner.devices import seeds_at_once
from mae_bench.runner.seeds import run_seeds, why_no_group
from mae_bench.runner.stages import Settings, run_stage
from mae_bench.store.leases import Lease, acquire
from mae_bench.store.store import Store

WAIT_S = 0.25  # between looks, while others hold all that is left
EMIT_EVERY_S = 0.2

What = Literal["start", "progress", "done", "elsewhere", "failed", "blocked", "message"]


@dataclass(frozen=True)
class Event:
    """What a worker reports: the state of a stage, or a sentence about it (``message``)."""

    what: What
    key: Key
    label: str
    note: str = ""
    share: float = 0.0
    seconds: float = 0.0
    worker: int = 0


Emit = Callable[[Event], None]


def ignore_event(event: Event) -> None:
    """Ignore an event; for callers that show no progress."""


def never_tired(num_run: int) -> bool:
    """Never stop early."""
    return False


def work(
    stages: Sequence[Stage],
    store: Store,
    settings: Settings,
    emit: Emit,
    worker: int = 0,
    is_tired: Callable[[int], bool] = never_tired,
) -> bool:
    """Bring every stage to an end: done by this worker or another, failed, or blocked.

    Args:
        stages: each after those that it needs.
        store: open for writing.
        settings: of this worker.
        emit: is called with each event.
        worker: its number.
        is_tired: whether to stop early, asked with the number of stages run so far.

    Returns:
        Whether every stage came to its end.

    Raises:
        StoreError: the home is full or cannot be written; what is done stays.
        RankError: a rank of a training that several share was lost.
    """
    return _Worker(stages, store, settings, emit, worker).loop(is_tired)


class _Worker:
    def __init__(
        self, stages: Sequence[Stage], store: Store, settings: Settings, emit: Emit, number: int
    ) -> None:
        self.settings = settings
        if self.seeds_at_once > 1:  # an evaluation waits for the checkpoints of the other seeds
            stages = sorted(stages, key=lambda stage: stage.kind == "evaluate")
        self.known = {stage.key: stage for stage in stages}
        self.pending = {key: s for key, s in self.known.items() if not store.is_done(*key)}
        self.readers: dict[Key | None, list[Stage]] = {}
        for stage in stages:
            if stage.kind == "evaluate" and (read := stage.checkpoint):
                self.readers.setdefault(read, []).append(stage)
        self.lost: set[Key] = set()
        self.store = store
        self.number = number
        self.num_run = 0
        self.near: list[Stage] = []
        self.ahead: Iterator[Stage] = iter(())
        self._emit = emit

    def loop(self, is_tired: Callable[[int], bool]) -> bool:
        num_seen = 0
        while self.pending:
            if self.num_run > num_seen and is_tired(self.num_run):
                return False
            num_seen = self.num_run
            if self.work_on(self.near) or self.work_on(self.ahead):
                continue
            # From the front again: what others held may be over, and what it held back ready.
            self.ahead = iter(list(self.pending.values()))
            if not self.work_on(self.ahead):
                time.sleep(WAIT_S)
        return True

    # A checkpoint that is in memory serves all of its evaluations before the next is loaded. Else
    # a look goes on behind the stage worked on last: what others hold in front of it is not asked
    # for after every stage, which many workers on many stages would do all the time.
    def work_on(self, stages: Iterable[Stage]) -> bool:
        """Work on the first stage that can be; return whether there was one."""
        return any(self.settle(stage) for stage in stages if stage.key in self.pending)

    def stay_at(self, stage: Stage) -> None:
        """Put first, from now on, what reads the checkpoint of a stage."""
        if stage.kind == "evaluate" or self.seeds_at_once == 1:
            self.near = self.readers.get(stage.checkpoint, [])

    def settle(self, stage: Stage) -> bool:
        """Look at one stage; return whether it was worked on, so that the look starts anew."""
        if any(need in self.lost for need in stage.needs):
            self.pending.pop(stage.key)
            self.lost.add(stage.key)
            self.emit("blocked", stage)
            return False
        if any(need in self.pending for need in stage.needs) or self.is_over(stage):
            return False
        lease = self.lease(stage.key)
        if lease is None:
            return False
        with lease:
            if self.is_over(stage):
                return True
            # Inputs are checked under the lease, right before they are read.
            broken = [need for need in stage.needs if self.reason(need)]
            if not broken:
                with ExitStack() as leases:
                    self.run_with(stage, self.other_seeds(stage, leases))
        # Only now, with the lease given back: rebuilding an input takes the lease of that input.
        for need in broken:
            self.rebuild(need)
        return True

    def is_over(self, stage: Stage) -> bool:
        """Whether another worker has ended it; then it is pending no more."""
        if self.store.is_done(*stage.key):
            self.emit("elsewhere", stage)
        elif failure := self.store.failure(*stage.key):
            self.lost.add(stage.key)
            self.emit("failed", stage, note=str(failure.get("message")))
        else:
            return False
        self.pending.pop(stage.key)
        return True

    @cached_property
    def seeds_at_once(self) -> int:
        """The seeds that this worker trains as one program."""
        return seeds_at_once(self.settings.batch_seeds, self.settings.device)

    @cached_property
    def groups(self) -> Mapping[Key, tuple[Stage, ...]]:
        """For each stage that is trained those that can go with it."""
        return seed_groups(self.known.values())

    def other_seeds(self, stage: Stage, leases: ExitStack) -> list[Stage]:
        """Return what is ready and free and can go together with a stage, under lease."""
        others: list[Stage] = []
        if self.seeds_at_once == 1:
            return others
        for other in self.groups.get(stage.key, ()):
            if len(others) + 1 == self.seeds_at_once:
                break
            waits = any(need in self.pending or need in self.lost for need in other.needs)
            if other.key not in self.pending or waits or self.is_over(other):
                continue
            if (lease := self.lease(other.key)) is None:
                continue
            leases.enter_context(lease)
            if not self.is_over(other) and not any(map(self.reason, other.needs)):
                others.append(other)
        return others

    def run_with(self, stage: Stage, others: Sequence[Stage]) -> None:
        """Run a stage, and others together with it; one by one where that fails."""
        together = [stage, *others]
        for each in together:
            self.start(each)
        why_alone = ""
        if others:
            try:
                share = run_seeds(together, self.store, self.settings, self.progress)
            except StoreError:
                raise
            except Exception as error:  # of one of them perhaps, and that one then fails alone
                why_alone = f"seeds at once failed: {first_line(error)}"
                self.emit("message", stage, note=f"'{stage.label}' runs alone; {why_alone}")
            else:
                for each in together:
                    self.end(each, share)
                return
        elif stage.kind == "pretrain" and self.seeds_at_once > 1:
            why_alone = why_no_group(stage)
        for each in together:
            self.run(each, why_alone)

    def run(self, stage: Stage, why_alone: str) -> None:
        """Run a stage that is pending and was started; it is pending no more afterwards."""
        progress = self.progress(stage)
        try:
            seconds = run_stage(stage, self.store, self.settings, progress, why_alone)
        except (StoreError, RankError):
            raise
        except Exception as error:  # one failing stage never stops the others
            self.store.record_failure(*stage.key, stage.label, error)
            self.store.log("failed", *stage.key, stage.label)
            self.is_over(stage)
        else:
            self.end(stage, seconds)

    def start(self, stage: Stage) -> None:
        """Say that a stage is worked on now."""
        self.num_run += 1
        self.stay_at(stage)
        self.emit("start", stage)
        if self.store.path(*stage.key).exists():
            note = f"the artefact of '{stage.label}' was damaged; it is built again"
            self.emit("message", stage, note=note)

    def end(self, stage: Stage, seconds: float) -> None:
        """Say that a stage is done."""
        self.pending.pop(stage.key, None)
        self.store.log("done", *stage.key, stage.label, seconds)
        self.emit("done", stage, seconds=seconds)

    def reason(self, need: Key) -> str | None:
        """Return what is wrong with an artefact that is about to be read."""
        if not self.store.is_done(*need) and not self.store.path(*need).exists():
            return "is missing"
        return self.store.damage(*need)

    def rebuild(self, need: Key) -> None:
        """Make an artefact pending again; remove it, unless another worker is at it."""
        stage = self.pending[need] = self.known[need]
        lease = self.lease(need)
        if lease is None:
            return
        with lease:
            if reason := self.store.damage(*need):
                self.store.remove(*need)
                note = f"the artefact of '{stage.label}' was damaged ({reason}); it is built again"
                self.emit("message", stage, note=note)

    def lease(self, key: Key) -> Lease | None:
        with self.store.writing("a lease"):
            return acquire(self.store.home / "leases", *key)

    def progress(self, stage: Stage) -> Progress:
        last = 0.0

        def progress(done: float, total: float, note: str = "") -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= EMIT_EVERY_S:
                last = now
                self.emit("progress", stage, note=note, share=done / total if total else 0.0)

        return progress

    def emit(self, what: What, stage: Stage, **facts: Any) -> None:
        self._emit(Event(what, stage.key, stage.label, worker=self.number, **facts))
