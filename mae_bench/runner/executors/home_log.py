"""Hears of workers on other machines by what they append to the log of their home."""

import json
from collections.abc import Iterable, Iterator

from mae_bench.planning.stage import Key, Stage
from mae_bench.runner.work import Event
from mae_bench.store.store import LOG, Store

_ENDS = ("done", "failed")


class HomeLog:
    """The ends of stages that were logged since the last look."""

    def __init__(self, store: Store, stages: Iterable[Stage]) -> None:
        """Start at the present end of the log; ``stages`` are those to hear of."""
        self.store = store
        self.known = {stage.key: stage for stage in stages}
        self.path = store.home / LOG
        self.position = self.path.stat().st_size if self.path.exists() else 0
        self.workers: dict[int, int] = {}  # by process, numbered as they are heard of

    def events(self) -> Iterator[Event]:
        """Yield an event for each stage that ended since the last look."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.position)
                text = file.read()
        except FileNotFoundError:
            return
        whole, newline, _ = text.rpartition(b"\n")  # the last line may be half written
        self.position += len(whole) + len(newline)
        for line in whole.splitlines():
            if (event := self._event(line)) is not None:
                yield event

    def _event(self, line: bytes) -> Event | None:
        try:
            entry = json.loads(line)
            key: Key = (str(entry["kind"]), str(entry["id"]))
            what, seconds, pid = entry["what"], float(entry["seconds"]), int(entry["pid"])
        except (ValueError, KeyError, TypeError):
            return None  # two machines wrote at once; the end of the run looks at every stage
        stage = self.known.get(key)
        if stage is None or what not in _ENDS:
            return None
        worker = self.workers.setdefault(pid, len(self.workers))
        if what == "done":
            return Event("done", key, stage.label, seconds=seconds, worker=worker)
        failure = self.store.failure(*key) or {}
        note = str(failure.get("message"))
        return Event("failed", key, stage.label, note=note, worker=worker)
