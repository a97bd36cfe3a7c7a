"""Leases: who works on which stage, so that processes that share a home do nothing twice.

A lease is a file made under a short lock and touched by a heartbeat. It may be taken over when
its process is dead (seen at once on the same machine) or has not touched it for `STALE_S`.
"""

import json
import os
import socket
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock

HEARTBEAT_S = 10.0
STALE_S = 180.0
LOCK_POLL_S = 0.005  # the lock is held for less


@dataclass
class Lease:
    """A right to work on one stage; use it as a context manager."""

    path: Path
    token: str
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        """Start the heartbeat."""
        threading.Thread(target=self._beat, daemon=True, name="heartbeat").start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the lease back, unless another process took it over."""
        self._stop.set()
        with _lock(self.path.parent):
            if (_read(self.path) or {}).get("token") == self.token:
                self.path.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT_S):
            try:
                os.utime(self.path)
            except OSError:
                return  # taken over; the store keeps whichever result comes first


def acquire(folder: Path, kind: str, id_: str, stale_s: float = STALE_S) -> Lease | None:
    """Return the lease of a stage, or None while a living process holds it."""
    path = folder / f"{kind}-{id_}.json"
    if _is_held(path, stale_s):
        return None
    content = {"token": uuid.uuid4().hex, "pid": os.getpid(), "host": host_name(), "born": _born()}
    with _lock(folder):
        if _is_held(path, stale_s):
            return None
        path.write_text(json.dumps(content), encoding="utf-8")
    return Lease(path, str(content["token"]))


def holder(folder: Path, kind: str, id_: str) -> dict[str, object] | None:
    """Return who holds a stage now (pid and host), or None."""
    path = folder / f"{kind}-{id_}.json"
    return _read(path) if _is_held(path, STALE_S) else None


def _is_held(path: Path, stale_s: float) -> bool:
    try:
        age = time.time() - path.stat().st_mtime
    except OSError:
        return False
    content = _read(path)
    if content is None:  # being written this moment, or cut short by a kill
        return age < 5
    if age > stale_s:
        return False
    # A process of another machine cannot be inspected; its heartbeat alone shows that it lives.
    return content.get("host") != host_name() or _is_alive(content)


def _read(path: Path) -> dict[str, object] | None:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _lock(folder: Path) -> FileLock:
    return FileLock(folder / ".lock", poll_interval=LOCK_POLL_S)


def host_name() -> str:
    """Return a name of this machine; process numbers mean something only within one namespace."""
    try:
        space = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 (Path.readlink resolves nothing)
    except OSError:
        space = ""
    return f"{socket.gethostname()} {space}".strip()


def _stat(pid: int | str) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on, or nothing."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _born() -> str | None:
    """Return when this process started, in ticks; a number used again has another birth."""
    fields = _stat("self")
    return fields[19] if len(fields) > 19 else None


def _is_alive(content: dict[str, Any]) -> bool:
    pid = int(content.get("pid", 0))
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    fields = _stat(pid)
    if not fields:
        return True  # no /proc here
    # A zombie works on nothing, and a process number may have been given to another process.
    return fields[0] != "Z" and content.get("born") in (None, fields[19])


def held_by(folder: Path, pid: int, host: str | None = None) -> set[tuple[str, str]]:
    """Return the stages (kind, id) whose leases a process holds or left.

    Args:
        folder: of the leases.
        pid: of the process.
        host: its machine, by `host_name` there; None for this one.
    """
    stages = set()
    host = host or host_name()
    for path in folder.glob("*-*.json"):
        content = _read(path)
        if content and content.get("pid") == pid and content.get("host") == host:
            kind, _, id_ = path.stem.partition("-")
            stages.add((kind, id_))
    return stages


def num_held_here(folder: Path) -> int:
    """Return how many stages living processes of this machine work on."""
    here = host_name()
    return sum(
        _is_held(path, STALE_S) and (_read(path) or {}).get("host") == here
        for path in folder.glob("*-*.json")
    )
