"""The store: finished results by id, each written whole or not at all.

An artefact is built in a temporary folder, given a ``done.json`` with the size and checksum of
every file, and renamed. Whatever kills a process, a folder under its final name is complete. What
took long is also synced; other files lost when the machine itself goes down are detected by
size or checksum, and built again. Sizes are compared whenever a plan looks at an artefact;
checksums once in a process, before it is first read.
"""

import errno
import json
import os
import shutil
import tempfile
import time
import traceback
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mae_bench.errors import StoreError
from mae_bench.store.artefact import DONE, file_damage, finish, read_done, sync
from mae_bench.user_paths import user_path

SYNC_FROM_S = 2.0  # of work; less is made again sooner than a slow disk has synced it
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
LOG = "log.jsonl"
BUILDING = ".building"  # inside of artefacts, so that a rename stays on one disk
_FULL_TEXTS = ("No space left on device", "Disk quota exceeded", "File too large")


def default_home() -> Path:
    """Return ``MAE_BENCH_HOME``, else the platform's cache folder."""
    if given := os.environ.get("MAE_BENCH_HOME"):
        return user_path(given)
    import platformdirs

    return Path(platformdirs.user_cache_dir("mae-bench"))


class Store:
    """The folder where everything is kept."""

    def __init__(self, home: Path | str | None = None) -> None:
        """Point at a home; nothing is written yet.

        Raises:
            StoreError: one of its parent folders is a file.
        """
        self.home = user_path(home).absolute() if home else default_home().absolute()
        for folder in (self.home, *self.home.parents):
            if os.path.isfile(folder):  # noqa: PTH113 (Path.is_file raises where it may not look)
                raise StoreError(
                    f"the home {self.home} cannot be made: {folder} is a file; choose another "
                    "folder with --home or MAE_BENCH_HOME"
                )
        self._artefacts, self._failures = str(self.home / "artefacts"), str(self.home / "failures")
        self._checked: set[tuple[str, str]] = set()

    def open(self) -> "Store":
        """Make the home's folders.

        Raises:
            StoreError: the home cannot be written.
        """
        try:
            for name in ("artefacts", "work", "leases", "failures", "studies"):
                (self.home / name).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.home):
                pass
        except OSError as error:
            raise StoreError(
                f"the home {self.home} cannot be written ({error.strerror}); choose another with "
                "--home or MAE_BENCH_HOME"
            ) from None
        return self

    def path(self, kind: str, id_: str) -> Path:
        """Return where an artefact stands or will stand."""
        return self.home / "artefacts" / kind / id_

    def work(self, kind: str, id_: str) -> Path:
        """Return a folder for what a killed stage resumes from; it outlives the process."""
        folder = self.home / "work" / kind / id_
        with self.writing(f"{kind} {id_}"):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def study(self, name: str) -> Path:
        """Return the path of a study's folder, which may not exist yet."""
        return self.home / "studies" / name

    def is_done(self, kind: str, id_: str) -> bool:
        """Whether an artefact exists and its files have the recorded sizes; reads no content."""
        # of text: every worker asks it of every stage, and paths would take most of the time
        folder = f"{self._artefacts}/{kind}/{id_}"
        done = read_done(folder)
        if done is None:
            return False
        try:
            return all(os.stat(f"{folder}/{name}").st_size == f["size"] for name, f in done.items())  # noqa: PTH116
        except OSError:
            return False

    def damage(self, kind: str, id_: str, only: Collection[str] = ()) -> str | None:
        """Return what is wrong with an artefact that claims to be done, or None.

        Checksums are read once in a process; ``only`` narrows them to some files.
        """
        if (kind, id_) in self._checked:
            return None
        folder = self.path(kind, id_)
        done = read_done(folder)
        if done is None:
            return "it has no readable done.json" if folder.exists() else None
        for name, facts in done.items():
            if only and name not in only:
                continue
            if reason := file_damage(folder / name, facts):
                return f"{name} {reason}"
        if not only:
            self._checked.add((kind, id_))
        return None

    def remove(self, kind: str, id_: str) -> None:
        """Remove an artefact; its done marker goes first, so that a kill leaves no half."""
        folder = self.path(kind, id_)
        self._checked.discard((kind, id_))
        with self.writing(f"{kind} {id_}"):
            (folder / DONE).unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)

    def read_json(self, kind: str, id_: str, name: str) -> Any:
        """Return the content of a JSON file of an artefact, after its checksum.

        Raises:
            StoreError: it is damaged.
        """
        folder = self.path(kind, id_)
        path, facts = folder / name, (read_done(folder) or {}).get(name)
        reason = file_damage(path, facts) if facts else "is not listed in done.json"
        if reason:
            raise StoreError(f"{path} {reason}; remove that folder and run again to rebuild it")
        return json.loads(path.read_bytes())

    @contextmanager
    def build(self, kind: str, id_: str, about: Mapping[str, object]) -> Iterator[Path]:
        """Yield a temporary folder, which becomes the artefact when the block succeeds.

        Only the holder of the stage's lease may call it. Leftovers of killed builds go first.

        Args:
            kind: of the stage.
            id_: of the stage.
            about: stored beside the checksums, for people.

        Raises:
            StoreError: the disk is full or not writable; nothing half-written stays.
        """
        final = self.path(kind, id_)
        building = self.home / "artefacts" / BUILDING  # not among thousands of finished ones
        temporary = building / f"{kind}-{id_}.{uuid.uuid4().hex[:8]}"
        started = time.monotonic()
        try:
            with self.writing(f"{kind} {id_}"):
                final.parent.mkdir(parents=True, exist_ok=True)
                building.mkdir(exist_ok=True)
                for leftover in building.glob(f"{kind}-{id_}.*"):
                    shutil.rmtree(leftover, ignore_errors=True)
                temporary.mkdir()
                yield temporary
                is_synced = time.monotonic() - started >= SYNC_FROM_S
                finish(temporary, about, is_synced=is_synced)
                if self.is_done(kind, id_):  # another worker, whose lease we had taken over
                    return
                shutil.rmtree(final, ignore_errors=True)
                temporary.rename(final)
                if is_synced:
                    sync(final.parent)
                shutil.rmtree(self.home / "work" / kind / id_, ignore_errors=True)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    @contextmanager
    def writing(self, what: str) -> Iterator[None]:
        """Turn a full disk or a refused write inside the block into a `StoreError`.

        Libraries report a full disk by errors of their own, so texts are looked at too.
        """
        try:
            yield
        except Exception as error:
            number = error.errno if isinstance(error, OSError) else None
            if number in _FULL or any(text in str(error) for text in _FULL_TEXTS):
                raise StoreError(
                    f"no space to write {what} in {self.home} ({error}); free space or choose "
                    "another --home, then run again to resume"
                ) from error
            is_ours = isinstance(error, OSError) and str(error.filename).startswith(str(self.home))
            if is_ours and number in (errno.EACCES, errno.EROFS, errno.EPERM):
                raise StoreError(
                    f"cannot write {what} in {self.home} ({error}); choose another --home"
                ) from error
            raise

    def write_text(self, path: Path, text: str) -> None:
        """Write a small file in one rename."""
        with self.writing(path.name):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
            try:
                temporary.write_text(text, encoding="utf-8")
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)

    def failure(self, kind: str, id_: str) -> dict[str, object] | None:
        """Return the record of a stage's failure, or None."""
        try:
            with open(f"{self._failures}/{kind}-{id_}.json", "rb") as file:  # noqa: PTH123
                record = json.loads(file.read())
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) else None

    def record_failure(self, kind: str, id_: str, label: str, error: BaseException) -> str:
        """Keep why a stage failed, with the traceback in a file; return the reason."""
        path = self._failure(kind, id_)
        text = "".join(traceback.format_exception(error))
        self.write_text(path.with_suffix(".txt"), text)
        message = str(error).strip() or "no message"
        record = {
            "label": label,
            "type": type(error).__name__,
            "message": message,
            "traceback": str(path.with_suffix(".txt")),
            "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        }
        self.write_text(path, json.dumps(record, indent=1))
        return message

    def forget_failure(self, kind: str, id_: str) -> None:
        """Drop a failure record, so that the stage is tried again."""
        with self.writing("failures"):
            self._failure(kind, id_).unlink(missing_ok=True)
            self._failure(kind, id_).with_suffix(".txt").unlink(missing_ok=True)

    def log(self, what: str, kind: str, id_: str, label: str, seconds: float = 0.0) -> None:
        """Append a line to ``log.jsonl``: which process ended which stage, and how."""
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "pid": os.getpid(),
            "what": what,
            "kind": kind,
            "id": id_,
            "label": label,
            "seconds": round(seconds, 3),
        }
        with self.writing("the log"), (self.home / LOG).open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _failure(self, kind: str, id_: str) -> Path:
        return self.home / "failures" / f"{kind}-{id_}.json"
