"""The folder of a report: an old one is replaced whole, and the files of others stay."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mae_bench.errors import StoreError
from mae_bench.results import read_json

MARKER = "provenance.json"


def save_json(path: Path, content: object) -> None:
    """Write JSON that holds no NaN."""
    path.write_text(json.dumps(content, indent=1, default=str, allow_nan=False) + "\n", "utf-8")


def save_records(path: Path, content: Mapping[str, object]) -> None:
    """Write JSON that holds no NaN, a line for each item of a list: there may be thousands."""
    encode = json.JSONEncoder(default=str, allow_nan=False).encode
    parts = []
    for name, value in content.items():
        if isinstance(value, list) and value:
            lines = ",\n".join(f"  {encode(item)}" for item in value)
            parts.append(f" {encode(name)}: [\n{lines}\n ]")
        else:
            parts.append(f" {encode(name)}: {encode(value)}")
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", "utf-8")


@contextmanager
def report_folder(out: Path) -> Iterator[Path]:
    """Give an empty folder to write a report in; once it is whole, its files are moved to ``out``.

    Raises:
        StoreError: ``out`` cannot be written, or holds something other than a report.
    """
    check_target(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise StoreError(
            f"cannot write a report to {out} ({error.strerror}); name another folder"
        ) from None
    try:
        yield temporary
        _publish(temporary, out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_target(out: Path) -> None:
    """Refuse a target whose content is not ours to replace."""
    if not out.exists():
        return
    if not out.is_dir():
        raise StoreError(f"cannot write a report to {out}: it is a file; name a folder")
    if any(out.iterdir()) and _old_files(out) is None:
        raise StoreError(
            f"cannot write a report to {out}: the folder holds something other than a report of "
            "mae-bench; name an empty or a new folder"
        )


def _old_files(out: Path) -> list[str] | None:
    """Return the files that an earlier report wrote; None where there is no report."""
    if not (out / MARKER).is_file():
        return None
    try:
        content = read_json(out / MARKER)
    except ValueError:
        return None
    if not isinstance(content, dict) or content.get("tool") != "mae-bench":
        return None
    return [str(name) for name in content.get("files", [])]


def _publish(temporary: Path, out: Path) -> None:
    """Move the new files into place, the page last, and drop those of the old report."""
    old = set(_old_files(out) or []) if out.exists() else set()
    out.mkdir(exist_ok=True)
    new = [
        path.relative_to(temporary).as_posix() for path in temporary.rglob("*") if path.is_file()
    ]
    for name in sorted(new, key=lambda name: (name == "index.html", name)):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (temporary / name).replace(out / name)
    for name in old - set(new):
        stale = (out / name).resolve()
        if stale.is_relative_to(out.resolve()):  # the list is read from a file: trust it no further
            stale.unlink(missing_ok=True)


def mark(folder: Path, provenance: Mapping[str, object]) -> None:
    """Write where a report comes from, and which files are its own; the last to be written."""
    files = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )
    save_json(folder / MARKER, {**provenance, "tool": "mae-bench", "files": files})
