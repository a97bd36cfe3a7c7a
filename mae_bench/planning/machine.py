"""What a timing depends on beside the work: the machine that did it."""

import hashlib
import json
import os
import platform
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mae_bench.plurals import counted


def num_cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Machine:
    """What a machine is for its speed.

    The precision that ``auto`` means follows from it, and others are part of what was timed.

    Attributes:
        cpu: model of the processor.
        cores: that a process may use.
        threads: of one worker.
        device: ``cpu``, or the name of the card.
        torch: version.
        instructions: the instruction set that torch is held to, where the environment names one.
    """

    cpu: str
    cores: int
    threads: int
    device: str
    torch: str
    instructions: str = ""

    @property
    def key(self) -> str:
        """Digits that differ wherever speeds may."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @property
    def text(self) -> str:
        """The machine in a phrase."""
        card = "" if self.device == "cpu" else f"{self.device}, "
        held = f" held to {self.instructions}" if self.instructions else ""
        threads, cores = counted(self.threads, "thread"), counted(self.cores, "core")
        return f"{card}{self.cpu}{held}, {cores}, {threads} a worker, torch {self.torch}"


@cache
def this_machine(device: str, threads: int = 1) -> Machine:
    """Return the machine that this process runs on.

    Args:
        device: ``cpu``, ``cuda`` or ``cuda:i``.
        threads: of one worker.
    """
    name = "cpu"
    if device != "cpu":
        import torch

        name = torch.cuda.get_device_name(device)
    return Machine(
        cpu=_cpu_model(),
        cores=num_cores(),
        threads=threads,
        device=name,
        torch=_version_of("torch"),
        instructions=os.environ.get("ATEN_CPU_CAPABILITY", ""),
    )


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2] for line in lines if line.startswith("model name"))
    known = next(named, "") or platform.processor() or platform.machine() or "unknown CPU"
    return " ".join(known.split())


def _version_of(package: str) -> str:
    try:
        return version(package)  # of its metadata: to import it takes seconds
    except PackageNotFoundError:
        return "unknown"
