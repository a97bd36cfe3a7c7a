"""Tasks: what a labelled data set is, and the prepared folder that an evaluation reads."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from mae_bench.data.sources import Source, fingerprint
from mae_bench.errors import DataError, StoreError
from mae_bench.file_stamps import Stamp, file_stamps
from mae_bench.plurals import counted
from mae_bench.registry import Registry
from mae_bench.seeding import seed_for
from mae_bench.tasks.metrics import METRICS

Split = Literal["train", "selection", "test"]
Labels = NDArray[Any]
MAX_CHARACTERS = 128 << 20  # of the tasks that a process keeps
TASK_VERSION = 2  # raise it where `build_task` writes other rows
PARTS: tuple[Split, ...] = ("train", "selection", "test")
_FILES = tuple(f"{part}.parquet" for part in PARTS)


@dataclass(frozen=True)
class Task:
    """A labelled data set and how it is scored.

    Attributes:
        name: its name in the registry.
        kind: one label of one text, one label of two texts, or one number of two texts.
        text_fields: the columns with the text, one or two.
        label_field: the column with the label.
        label_names: label i is ``label_names[i]``; empty for a regression.
        metrics: names in ``METRICS``; the first is the primary one, which choices and verdicts
            follow in the direction that is declared for it.
        source: where it is read from; None for the generated world.
        test_split: the official split that is tested on; ``validation`` where the official test
            has no public labels.
        selection_split: the official split to choose hyper-parameters on, or None to carve one
            out of train.
        label_range: least and greatest label of a regression.
        licence: as its publisher states it.
        note: what a reader of results should know.
    """

    name: str
    kind: Literal["classify", "pair", "regress"]
    text_fields: tuple[str, ...]
    label_field: str
    label_names: tuple[str, ...]
    metrics: tuple[str, ...]
    source: Source | None
    licence: str
    test_split: str = "test"
    selection_split: str | None = None
    label_range: tuple[float, float] | None = None
    note: str = ""

    @property
    def num_labels(self) -> int:
        """Number of classes; 1 for a regression."""
        return len(self.label_names) or 1


TASKS: Registry[Task] = Registry("task", "tasks")


def add_task(task: Task) -> Task:
    """Register a task under its own name and return it."""
    return TASKS.register(task.name)(task)


@dataclass(frozen=True)
class Examples:
    """Labelled examples.

    Attributes:
        ids: unique within a split.
        texts: one list of texts, or two of equal length.
        labels: int64 classes, or float32 numbers.
    """

    ids: list[str]
    texts: tuple[list[str], ...]
    labels: Labels

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.ids)

    def take(self, places: Labels) -> "Examples":
        """Return the examples at the given places, in that order."""
        return Examples(
            [self.ids[i] for i in places],
            tuple([texts[i] for i in places] for texts in self.texts),
            self.labels[places],
        )


@dataclass(frozen=True)
class TaskData:
    """A prepared task. ``task.source`` is None here: the data stands in the folder."""

    task: Task
    train: Examples
    selection: Examples
    test: Examples


def task_fingerprint(task: Task, data_dir: Path | None) -> str:
    """Return what identifies a task's prepared data, without the network."""
    if task.source is None:
        from mae_bench.data.world import WORLD_VERSION

        content = f"world:{WORLD_VERSION}"
    else:
        read = {"train", task.test_split, task.selection_split} - {None}
        content = fingerprint(task.source, data_dir, also=map(str, read))
    brought = filter(None, map(METRICS.plugin, task.metrics))
    versions = {plugin.what: plugin.version for plugin in brought}
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
            *([versions] if versions else []),  # metrics of this package move no id
        ]
    )
    digest = hashlib.blake2b(definition.encode(), digest_size=8).hexdigest()
    return f"task{TASK_VERSION} {digest} {content}"


def task_meta(task: Task) -> dict[str, Any]:
    """Return a task's fields for ``meta.json``, without its source."""
    names = [field.name for field in dataclasses.fields(Task) if field.name != "source"]
    return {name: getattr(task, name) for name in names}


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


def _num_characters(data: TaskData) -> int:
    parts = (data.train, data.selection, data.test)
    return sum(len(text) + 100 for part in parts for column in part.texts for text in column)


_loaded: LRUCache[Stamp, TaskData] = LRUCache(MAX_CHARACTERS, getsizeof=_num_characters)


def _read(folder: Path, part: str, task: Task) -> Examples:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(folder / f"{part}.parquet")
    names = ("text",) if len(task.text_fields) == 1 else ("text_a", "text_b")
    dtype = np.float32 if task.kind == "regress" else np.int64
    return Examples(
        table.column("id").to_pylist(),
        tuple(table.column(name).to_pylist() for name in names),
        table.column("label").to_numpy().astype(dtype),
    )


def subset(
    examples: Examples, size: int | float | Literal["all"], *, task: str, seed: int
) -> Examples:
    """Return a training subset: a prefix of one seeded order, so that sizes nest.

    The order (stream ``subset``) interleaves the classes in their shares, after two examples of
    every class. A size below 1 is a share of the examples, and at least two.

    Raises:
        DataError: more examples are asked for than there are.
    """
    places = _order(examples.labels, seed_for("subset", task=task, seed=seed))
    if isinstance(size, str):
        return examples.take(places)
    count = max(round(size * len(examples)), 2) if isinstance(size, float) and size < 1 else size
    if count > len(examples):
        raise DataError(
            f"train size {size} is more than task '{task}' has: "
            f"{counted(len(examples), 'training example')}; "
            f"give at most {len(examples)}, or 'all'"
        )
    return examples.take(places[: int(count)])


def _order(labels: Labels, seed: int) -> Labels:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    if labels.dtype.kind == "f":
        return order
    keys = np.empty(len(labels))
    for label in np.unique(labels):
        places = order[labels[order] == label]
        # jitter keeps classes of one size from coming in a fixed round
        ranks = np.arange(len(places))
        keys[places] = (ranks + rng.random(len(places))) / len(places)
        keys[places[:2]] = ranks[:2] - 2 + rng.random(min(2, len(places)))
    return np.argsort(keys, kind="stable")
