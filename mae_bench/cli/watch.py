"""Shows a run: bars on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from mae_bench.cli.show import by_cause, duration, say
from mae_bench.cli.time_left import TimeLeft
from mae_bench.errors import DataError
from mae_bench.planning.stage import Key, Stage
from mae_bench.planning.stage_kinds import STAGE_KINDS
from mae_bench.runner.work import Event
from mae_bench.specs import EvaluateSpec, PretrainSpec

if TYPE_CHECKING:
    from mae_bench.runner.session import Session

LINE_EVERY_S = 10.0
NOTHING: Mapping[Key, float] = MappingProxyType({})


class Watch:
    """Shows the events of a run on stderr; a context manager."""

    def __init__(
        self,
        session: "Session",
        stages: Sequence[Stage] | None = None,
        expected: Mapping[Key, float] = NOTHING,
    ) -> None:
        """Prepare to show a session's plan, or other stages of it.

        Args:
            session: that runs.
            stages: of its plan; None for all.
            expected: what each will take, in seconds, as far as that is known before.
        """
        stages = session.plan.stages if stages is None else stages
        self.store = session.store
        self.time_left = TimeLeft(expected)
        self.over = {stage.key for stage in stages if session.store.is_done(*stage.key)}
        self.sorts: dict[Key, str] = {}
        for stage in stages:
            self._add(stage)
        self.num_done_before = len(self.over)
        self.explained: set[Key] = set()  # stages whose failure was shown with its cause
        self.start = time.monotonic()
        self.last_line = self.start
        self.workers: set[int] = set()
        self.bars: Any = None
        self.whole: Any = None
        self.by_worker: dict[int, Any] = {}

    def expect(self, stages: Sequence[Stage]) -> None:
        """Count stages that are not part of the plan, such as those of trials."""
        for stage in stages:
            if stage.key not in self.sorts:
                if self.store.is_done(*stage.key):
                    self.over.add(stage.key)
                    self.num_done_before += 1
                self._add(stage)
        if self.bars is not None:
            self.bars.update(self.whole, completed=len(self.over), total=len(self.sorts))

    def _add(self, stage: Stage) -> None:
        self.sorts[stage.key] = sort = _sort(stage)
        if stage.key not in self.over:
            self.time_left.add(stage.key, sort, stage.kind)

    def __enter__(self) -> Self:
        """Start the bars, if this is a terminal."""
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            self.bars = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TextColumn("{task.fields[note]}", markup=False),
                console=Console(stderr=True),
                transient=True,
            )
            self.bars.start()
            done, total = len(self.over), len(self.sorts)
            self.whole = self.bars.add_task("stages", completed=done, total=total, note="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bars away."""
        if self.bars is not None:
            self.bars.stop()

    @property
    def num_run(self) -> int:
        """Stages that this run brought to an end."""
        return len(self.over) - self.num_done_before

    @property
    def seconds_run(self) -> float:
        """Seconds since this run began."""
        return time.monotonic() - self.start

    def __call__(self, event: Event) -> None:
        """Show an event."""
        self.workers.add(event.worker)
        if event.what == "message":
            if event.key in self.over:  # it was damaged
                self.over.discard(event.key)
                self.time_left.again(event.key)
            self.line(event.note)
        elif event.what in ("start", "progress"):
            self.going(event)
        elif event.key not in self.over:
            self.over.add(event.key)
            self.ended(event)

    def going(self, event: Event) -> None:
        """Show how far a stage is."""
        note = f"{event.share:.0%} {event.note}".strip() if event.what == "progress" else ""
        if self.bars is not None:
            if event.worker not in self.by_worker:
                bar = self.bars.add_task("", total=100, note="")
                self.by_worker[event.worker] = bar
            done = round(100 * event.share)
            bar = self.by_worker[event.worker]
            self.bars.update(bar, description=event.label, completed=done, note=event.note)
        elif event.what == "progress" and time.monotonic() - self.last_line > LINE_EVERY_S:
            self.line(f"        {event.label}: {note}")

    def ended(self, event: Event) -> None:
        """Show the end of a stage."""
        self.time_left.ended(event.key, event.seconds if event.what == "done" else None)
        progress = f"[{len(self.over)}/{len(self.sorts)}]"
        rest = f", {left}" if event.what == "done" and (left := self.left()) else ""
        text = {
            "done": f"{progress} {event.label} ({duration(event.seconds)}{rest})",
            "elsewhere": f"{progress} {event.label} (done by another process)",
            "failed": f"{progress} FAILED {event.label}: {event.note}",
            "blocked": f"{progress} skipped {event.label}: what it needs has failed",
        }[event.what]
        record = self.store.failure(*event.key) if event.what == "failed" else None
        if record and is_bad_data(event.key[0], record):
            (text,) = by_cause([record])
            self.explained.add(event.key)  # so that the end does not repeat it
        if self.bars is None or event.what in ("failed", "blocked"):
            self.line(text)
        if self.bars is not None:
            self.bars.update(self.whole, completed=len(self.over), note=self.left())

    def left(self) -> str:
        """Return how long the rest will take, from what each sort of stage took so far."""
        if len(self.over) >= len(self.sorts):
            return "the last"
        total, is_whole = self.time_left.seconds()
        if not total:
            return ""
        word = "about" if is_whole else "more than"  # not every sort ran yet
        return f"{word} {duration(total / max(1, len(self.workers)))} left"

    def line(self, text: str) -> None:
        """Show a line that stays."""
        self.last_line = time.monotonic()
        if self.bars is not None:
            self.bars.console.print(text, markup=False, highlight=False)
        else:
            say(text)


def is_bad_data(kind: str, failure: Mapping[str, Any]) -> bool:
    """Whether a stage failed because the data that the user gave cannot be used."""
    return STAGE_KINDS[kind].may_use_network and failure["type"] == DataError.__name__


def _sort(stage: Stage) -> str:
    """Return a name for the stages that take about as long as this one."""
    if isinstance(stage.spec, PretrainSpec):
        return stage.label.rpartition(", seed ")[0]
    if isinstance(stage.spec, EvaluateSpec):
        return f"evaluate {stage.spec.protocol} {stage.spec.task} {stage.spec.train_size}"
    return stage.kind
