"""A line of the table of speed targets: measured by a command, kept as JSON, printed in a table."""

import json
import os
import platform
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NO_CARD = "not measured: needs a CUDA GPU"
LEAST_S = 5.0  # in less no script even starts
TAIL = 2000  # characters of what a failed command said


@dataclass(frozen=True)
class Target:
    """One line of the table.

    Attributes:
        name: for ``--only`` and of its file.
        what: is measured.
        against: what it is compared with.
        bound: that ``measured`` must keep; None for figures without one.
        is_least: whether the bound is the least allowed, else the most.
        unit: behind bound and measured: ``x``, ``%`` or a word.
        command: a script beside this one, and its arguments.
        read: returns ``measured`` from the numbers of the command's ``--json``.
        needs_card: whether it says nothing without a CUDA GPU.
        is_long: measured only if it is named, or with ``--long``.
    """

    name: str
    what: str
    against: str
    bound: float | None
    is_least: bool
    unit: str
    command: Sequence[str]
    read: Callable[[Any], float]
    needs_card: bool = False
    is_long: bool = False

    def shown(self, value: float | None) -> str:
        """Return a number of this line as readers see it."""
        if value is None:
            return "-"
        if self.unit == "%":
            return f"{value:.1%}"
        return f"{value:.2f}x" if self.unit == "x" else f"{value:,.1f} {self.unit}"

    @property
    def wanted(self) -> str:
        """Return the bound as readers see it."""
        if self.bound is None:
            return "as figures"
        return f"{'at least' if self.is_least else 'at most'} {self.shown(self.bound)}"

    def is_met(self, value: float) -> bool | None:
        """Whether a value keeps the bound; None without one."""
        if self.bound is None:
            return None
        return value >= self.bound if self.is_least else value <= self.bound


class Commands:
    """Runs scripts, each command once, whoever asks for it."""

    def __init__(self, budget_s: float | None, device: str) -> None:
        """Stop the command that runs when ``budget_s`` is spent; on ``cpu`` none sees a card."""
        self._end = None if budget_s is None else time.monotonic() + budget_s
        self._environment = {
            **os.environ,
            **({"CUDA_VISIBLE_DEVICES": ""} if device == "cpu" else {}),
        }
        self._seen: dict[tuple[str, ...], Any] = {}  # numbers, or why there are none

    def take(self, target: Target, path: Path) -> None:
        """Read what a target's command would give from a file that it wrote before."""
        self._seen[tuple(target.command)] = json.loads(path.read_text())

    def numbers(self, target: Target) -> Any:
        """Return what a target's command measured.

        Raises:
            RuntimeError: it failed, or took too long.
        """
        key = tuple(target.command)
        if key not in self._seen:
            try:
                self._seen[key] = self._run(target)
            except RuntimeError as error:
                self._seen[key] = error
        if isinstance(self._seen[key], RuntimeError):
            raise self._seen[key]
        return self._seen[key]

    def _run(self, target: Target) -> Any:
        left = None if self._end is None else self._end - time.monotonic()
        if left is not None and left < LEAST_S:
            raise RuntimeError("no time was left")
        script, *arguments = target.command
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "numbers.json")
            command = [sys.executable, str(HERE / script), *arguments, "--json", str(path)]
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                start_new_session=True, env=self._environment,
            ) as process:  # fmt: skip
                try:
                    printed, _ = process.communicate(timeout=left)
                except BaseException as error:
                    os.killpg(process.pid, signal.SIGKILL)  # its children, too
                    if isinstance(error, subprocess.TimeoutExpired):
                        raise RuntimeError(
                            f"stopped after {left:.0f} s, when no time was left"
                        ) from None
                    raise
            print(printed, file=sys.stderr, flush=True)
            if process.returncode:
                raise RuntimeError(f"failed with code {process.returncode}: {printed[-TAIL:]}")
            return json.loads(path.read_text())


def measure(target: Target, device: str, commands: Commands) -> dict[str, object]:
    """Return the record of a target: measured, or why not."""
    record: dict[str, object] = {
        "name": target.name, "what": target.what, "against": target.against,
        "wanted": target.wanted, "command": shlex.join(target.command), "device": device,
        **surroundings(),
    }  # fmt: skip
    if not (HERE / target.command[0]).exists():
        return record | {"state": f"not measured: script absent ({target.command[0]})"}
    if target.needs_card and device != "cuda":
        return record | {"state": NO_CARD}
    started = time.perf_counter()
    try:
        numbers = commands.numbers(target)
        measured = target.read(numbers)
    except (RuntimeError, LookupError, ValueError, TypeError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return record | {"state": f"not measured: {lines[0]}", "error": str(error)}
    return record | {
        "state": "measured", "measured": measured, "is_met": target.is_met(measured),
        "seconds": round(time.perf_counter() - started, 1),
        "raw": numbers,
    }  # fmt: skip


def surroundings() -> dict[str, object]:
    """Return the hardware, the versions, the commit and the time."""
    names = [
        line.partition(":")[2].strip()
        for line in _text(Path("/proc/cpuinfo")).splitlines()
        if line.startswith("model name")
    ]
    card = _said("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
    return {
        "cpu": names[0] if names else platform.processor(), "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1), "card": card, "torch": version("torch"),
        "python": platform.python_version(), "commit": os.environ.get("COMMIT") or _commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


@cache
def _commit() -> str | None:
    """Return the commit and whether files differed from it, before results were written."""
    return _said("git", "-C", str(HERE), "describe", "--always", "--dirty", "--abbrev=12")


def _said(*command: str) -> str | None:
    """Return what a command printed; None where it is absent or failed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None


def table(targets: Iterable[Target], records: dict[str, dict[str, Any]]) -> str:
    """Return the table of what is known so far."""
    lines = [
        "| name | what | against | wanted | measured | met |",
        "|---|---|---|---|--:|---|",
    ]
    for target in targets:
        record = records.get(target.name, {"state": "not measured yet"})
        value, is_met = record.get("measured"), record.get("is_met")
        met = {True: "yes", False: "**no**"}.get(is_met, record["state"])
        lines.append(
            f"| {target.name} | {target.what} | {target.against} | {target.wanted} "
            f"| {target.shown(value)} | {met} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    for name, value in surroundings().items():
        print(f"{name}: {value}")
