"""Sends the curves of pretrainings to an experiment tracker, which can stop no run.

The tracker lives in a process of its own, fed by a thread: it may be slow, hang, raise or die, and
nothing waits for it but the end of the run, for a while. A curve is sent when its pretraining has
ended, from the artefact, so that all executors track alike.
"""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from mae_bench.errors import SpecError, near_match
from mae_bench.runner.extras import require_package
from mae_bench.runner.work import Emit, Event
from mae_bench.store.store import Store

TRACKERS = ("tensorboard", "wandb", "trackio", "mlflow")  # packages, extras, and accelerate's names
LAST_S = 60.0  # for what is still to be sent when the run is over
LOG = "tracking.log"  # in the study's folder: what the tracker prints


def check_tracker(name: str | None, argument: str = "track") -> None:
    """Check that a tracker is known and installed; None is no tracker.

    Args:
        name: of the tracker.
        argument: what the user calls it: an argument, or a flag.

    Raises:
        SpecError: it is not.
    """
    if name is None:
        return
    if name not in TRACKERS:
        raise SpecError(
            f"{argument} takes {', '.join(TRACKERS)}; got '{name}'." + near_match(name, TRACKERS)
        )
    for package in (name, "accelerate"):
        require_package(package, f"{argument} {name}", name)


def command(name: str, study: str, folder: Path) -> list[str]:
    """Return what runs a tracker; see `tracker_process`."""
    return [sys.executable, "-m", "mae_bench.runner.tracker_process", name, study, str(folder)]


class Tracking:
    """Hears events, hands them on, and sends the curves of what was pretrained."""

    def __init__(
        self, name: str, tracker: list[str], folder: Path, store: Store, emit: Emit
    ) -> None:
        """Start nothing yet.

        Args:
            name: of the tracker, for its warning.
            tracker: command that reads a line of JSON for each pretraining.
            folder: of the study.
            store: where the curves are.
            emit: hears every event.
        """
        self.name, self.tracker, self.folder = name, tracker, folder
        self.store, self.emit = store, emit
        self.environment = dict(os.environ)  # a stage changes it while it runs
        self.lines: SimpleQueue[str | None] = SimpleQueue()
        self.process: subprocess.Popen[str] | None = None
        self.problem = ""
        self.has_warned = False
        self.is_stopped = False
        self.thread = threading.Thread(target=self._send, daemon=True, name="tracking")

    def __enter__(self) -> Self:
        """Start the thread."""
        self.thread.start()
        return self

    def __call__(self, event: Event) -> None:
        """Hand an event on; queue the curve of a pretraining that has ended."""
        if event.what == "done" and event.key[0] == "pretrain" and not self.problem:
            line = {
                "run": event.label.removeprefix("pretrain "),
                "id": event.key[1],
                "folder": str(self.store.path(*event.key)),
            }
            self.lines.put(json.dumps(line) + "\n")
        self._warn()
        self.emit(event)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Send what is left, unless the run was stopped, and warn of what could not be sent."""
        self.lines.put(None)
        self.thread.join(LAST_S if error is None else 0)
        if self.thread.is_alive():
            self.problem = self.problem or f"it did not end within {LAST_S:g} s of the run"
            self.is_stopped = True
            if self.process is not None:
                self.process.kill()
            self.thread.join()
        if error is None:
            self._warn()

    def _warn(self) -> None:
        if self.problem and not self.has_warned:
            self.has_warned = True
            note = (
                f"warning: tracking by {self.name} stopped ({self.problem}); the run goes on, its "
                f"curves are in the report, and what the tracker said is in {self.folder / LOG}"
            )
            self.emit(Event("message", ("tracking", self.name), self.name, note=note))

    def _send(self) -> None:
        broken = ""
        try:
            while (line := self.lines.get()) is not None:
                process = self.process or self._start()
                assert process.stdin is not None
                process.stdin.write(line)
                process.stdin.flush()
        except OSError as error:  # it ended early, or could not be started
            broken = str(error)
        if self.process is None:
            self.problem = broken
            return
        reason = _last_line(self.process)
        if self.process.returncode or broken:
            code = f"its process ended with code {self.process.returncode}"
            self.problem = self.problem or reason or code

    def _start(self) -> "subprocess.Popen[str]":
        with (self.folder / LOG).open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                self.tracker,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self.environment,
                start_new_session=True,  # Ctrl-C is for the run
            )
        if self.is_stopped:  # while it was being started
            self.process.kill()
        return self.process


def _last_line(process: "subprocess.Popen[str]") -> str:
    """Return the last line that a tracker printed, once it has ended."""
    out, _ = process.communicate()
    return (out.strip().splitlines() or [""])[-1]
