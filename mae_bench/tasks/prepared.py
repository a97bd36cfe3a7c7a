"""The prepared folder of a task: what identifies it, its meta.json, and reading it back."""

import dataclasses
import hashlib
import json
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
from cachetools import LRUCache

from mae_bench.data.held_out import HeldOutText
from mae_bench.data.own_files import FileSource
from mae_bench.data.sources import fingerprint
from mae_bench.errors import StoreError
from mae_bench.file_stamps import Stamp, file_stamps
from mae_bench.tasks.base import PARTS, TASKS, Examples, Task, TaskData
from mae_bench.tasks.kinds.base import KINDS, kind_of
from mae_bench.tasks.metrics import METRICS

MAX_CHARACTERS = 128 << 20  # of the tasks that a process keeps
TASK_VERSION = 2  # raise it where `build_task` writes other rows
_FILES = tuple(f"{part}.parquet" for part in PARTS)


def task_fingerprint(task: Task, data_dir: Path | None) -> str:
    """Return what identifies a task's prepared data, without the network."""
    if task.source is None:
        from mae_bench.data.world import WORLD_VERSION

        content = f"world:{WORLD_VERSION}"
    elif isinstance(task.source, FileSource):
        content = task.source.fingerprint()
    elif isinstance(task.source, HeldOutText):
        content = task.source.fingerprint(data_dir)
    else:
        content = fingerprint(task.source, data_dir, also=splits_of(task))
    brought = filter(None, [KINDS.plugin(task.kind), *map(METRICS.plugin, task.metrics)])
    versions = {plugin.what: plugin.version for plugin in brought}
    set_only: dict[str, object] = {}
    if isinstance(task.source, FileSource):
        set_only["language"] = task.language  # which noises read; of a user's own files always
    # the others move no id where they are unset
    if task.option_fields:
        set_only["option_fields"] = task.option_fields
    if task.train_task:
        set_only["train_task"] = task_fingerprint(TASKS.get(task.train_task), data_dir)
    if task.is_test_only:
        set_only["is_test_only"] = True
    if task.detected_labels:
        set_only["detected_labels"] = task.detected_labels
    definition = json.dumps(
        [
            task.name,
            task.kind,
            task.text_fields,
            task.label_field,
            task.label_names,
            task.test_split,
            task.selection_split,
            task.label_range,
            task.metrics,
            *([versions] if versions else []),  # parts of this package move no id
            *([set_only] if set_only else []),
            *([{"skipped_labels": task.skipped_labels}] if task.skipped_labels else []),
        ]
    )
    digest = hashlib.blake2b(definition.encode(), digest_size=8).hexdigest()
    return f"task{TASK_VERSION} {digest} {content}"


def splits_of(task: Task) -> set[str]:
    """Return the splits of its own set that a task reads."""
    has_no_train = task.train_task or task.is_test_only
    own = {task.test_split} if has_no_train else {"train", task.test_split}
    return {*own, *([task.selection_split] if task.selection_split else [])}


def task_meta(task: Task) -> dict[str, Any]:
    """Return a task's fields for ``meta.json``, without its source."""
    names = [field.name for field in dataclasses.fields(Task) if field.name != "source"]
    return {name: getattr(task, name) for name in names}


def text_columns(num_texts: int) -> tuple[str, ...]:
    """Return the columns of a prepared part that hold the texts of an example."""
    if num_texts == 1:
        return ("text",)
    return tuple(f"text_{letter}" for letter in ascii_lowercase[:num_texts])


def load_task(folder: Path) -> TaskData:
    """Return a prepared task, which no reader may change: unchanged files are read once.

    Raises:
        StoreError: a file is missing or damaged.
    """
    import pyarrow

    try:
        stamp = file_stamps([folder / name for name in ("meta.json", *_FILES)])
        if stamp in _loaded:
            return _loaded[stamp]
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))["task"]
        fields: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in meta.items()
        }
        task = Task(source=None, **fields)
        train, selection, test = (_read(folder, part, task) for part in PARTS)
        data = TaskData(task, train, selection, test)
        if _num_characters(data) <= MAX_CHARACTERS:
            _loaded[stamp] = data
        return data
    except (OSError, ValueError, KeyError, TypeError, pyarrow.ArrowException) as error:
        raise StoreError(
            f"the task in {folder} is damaged ({type(error).__name__}: {error}); "
            "remove the folder and prepare again"
        ) from error


def prepared_train_labels(folder: Path) -> list[Any]:
    """Return the labels of a prepared task's training examples, and read no text."""
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(folder / "train.parquet", columns=["label"])
    return list(table.column("label").to_pylist())


def _num_characters(data: TaskData) -> int:
    parts = (data.train, data.selection, data.test)
    return sum(len(text) + 100 for part in parts for column in part.texts for text in column)


_loaded: LRUCache[Stamp, TaskData] = LRUCache(MAX_CHARACTERS, getsizeof=_num_characters)


def _read(folder: Path, part: str, task: Task) -> Examples:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(folder / f"{part}.parquet")
    names = [name for name in table.column_names if name not in ("id", "label")]
    columns = [table.column(name) for name in names]
    is_there = np.stack([column.is_valid().to_numpy() for column in columns])
    return Examples(
        table.column("id").to_pylist(),
        tuple([text or "" for text in column.to_pylist()] for column in columns),
        kind_of(task).array(table.column("label").to_pylist()),
        None if is_there.all() else is_there.sum(axis=0),
    )
