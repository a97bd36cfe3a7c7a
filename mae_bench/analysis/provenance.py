"""What made a report: versions, machine, commit and command, without importing any of them."""

import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from mae_bench.analysis.curves import Curve

PACKAGES = (
    "mae-bench",
    "torch",
    "transformers",
    "tokenizers",
    "datasets",
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "pyarrow",
    "optuna",
)


def collect_provenance(command: str | None = None) -> dict[str, object]:
    """Return versions, machine, source commit, command and time as plain JSON content."""
    return {
        "tool": "mae-bench",
        "command": command if command is not None else shlex.join(_argv()),
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **_versions()},
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memory_gib": _memory_gib(),
        },
        "commit": _commit(),
    }


def _argv() -> list[str]:
    """Return this command line, without the folder that the program lies in."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]]


def _versions() -> dict[str, str]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, OSError, ValueError):  # not a POSIX system
        return None


def _commit() -> str | None:
    """Return the commit of the source tree, ``+changed`` where files differ.

    Of an installed package: the commit that pip fetched, or None where it came from files.
    """
    source = Path(__file__).resolve().parents[2]
    # An installed package may lie inside somebody else's repository.
    if not (source / ".git").exists():
        return _fetched_commit()
    try:
        commit = _git(source, "rev-parse", "HEAD")
        is_changed = bool(_git(source, "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+changed" if is_changed else "")


def _fetched_commit() -> str | None:
    try:  # PEP 610: pip install git+ADDRESS
        text = distribution("mae-bench").read_text("direct_url.json") or "{}"
    except PackageNotFoundError:
        return None
    commit = json.loads(text).get("vcs_info", {}).get("commit_id")
    return None if commit is None else str(commit)


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()


def of_pretraining(curves: Sequence[Curve]) -> dict[str, object]:
    """Return the devices, precisions, threads and versions of the pretrainings, by name."""
    wanted = ("device", "precision", "num_threads", "versions")
    values_by_name: dict[str, set[str]] = {}
    for curve in curves:
        for name in wanted:
            if curve.cost and name in curve.cost:
                values_by_name.setdefault(name, set()).add(_plain(curve.cost[name]))
    return (
        {"pretraining": {n: " | ".join(sorted(v)) for n, v in values_by_name.items()}}
        if values_by_name
        else {}
    )


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {inner}" for name, inner in value.items())
    return str(value)
