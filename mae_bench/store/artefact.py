"""The files of one artefact, checked against the sizes and checksums in its ``done.json``."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DONE = "done.json"


def read_done(folder: Path | str) -> dict[str, dict[str, Any]] | None:
    """Return size and checksum of each file of a finished artefact; None where it is not."""
    try:
        with open(f"{folder}/{DONE}", "rb") as file:  # noqa: PTH123
            files = json.loads(file.read())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return files if isinstance(files, dict) else None


def read_about(folder: Path) -> dict[str, Any]:
    """Return the content of ``done.json``; empty where it cannot be read."""
    try:
        content = json.loads((folder / DONE).read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def file_damage(path: Path, facts: Mapping[str, object]) -> str | None:
    """Return how a file differs from its size and checksum in ``done.json``, or None."""
    try:
        size = path.stat().st_size
        if size != facts["size"]:
            return f"has {size} bytes instead of {facts['size']}"
        if _sha256(path) != facts["sha256"]:
            return "differs from its checksum"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None


def finish(folder: Path, about: Mapping[str, object], *, is_synced: bool) -> None:
    """Write the done marker, after every file; ``is_synced`` brings each to the disk."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            if is_synced:
                sync(path)
            name = path.relative_to(folder).as_posix()
            files[name] = {"size": path.stat().st_size, "sha256": _sha256(path)}
    done = folder / DONE
    done.write_text(json.dumps({"files": files, **about}, indent=1), encoding="utf-8")
    if is_synced:
        sync(done)
        sync(folder)


def sync(path: Path) -> None:
    """Bring a file or folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
