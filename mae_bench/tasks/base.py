"""What a labelled data set is, and the examples that it holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from numpy.typing import NDArray

from mae_bench.data.noises import ErrorTable
from mae_bench.data.sources import Source
from mae_bench.registry import Registry

Split = Literal["train", "selection", "test"]
Labels = NDArray[Any]
PARTS: tuple[Split, ...] = ("train", "selection", "test")


@dataclass(frozen=True)
class Task:
    """A labelled data set and how it is scored.

    Attributes:
        name: its name in the registry.
        kind: a name in `KINDS`, which decides what a label is and how a model learns it.
        text_fields: the columns with the text, as many as the kind reads.
        label_field: the column with the label.
        label_names: label i is ``label_names[i]``; empty where labels are not of classes.
        metrics: names in ``METRICS``; the first is the primary one, which choices and verdicts
            follow in the direction that is declared for it.
        source: where it is read from; None for the generated world.
        test_split: the official split that is tested on; ``validation`` where the official test
            has no public labels.
        selection_split: the official split to choose hyper-parameters on, or None to carve one
            out of train.
        label_range: least and greatest label where labels are numbers.
        licence: as its publisher states it.
        note: what a reader of results should know.
        language: of its texts, as ISO 639 (``en``, ``zh``, ``hau``); several with ``+``.
    """

    name: str
    kind: str
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
    language: str = "en"

    @property
    def num_labels(self) -> int:
        """Number of classes; 1 where labels are not of classes."""
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
        labels: [N], one element an example, as the task's kind makes them: int64 classes,
            float32 numbers, or objects such as a list of tags.
    """

    ids: list[str]
    texts: tuple[list[str], ...]
    labels: Labels

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.ids)

    def take(self, indices: Labels) -> "Examples":
        """Return the examples at the given indices, in that order."""
        return Examples(
            [self.ids[i] for i in indices],
            tuple([texts[i] for i in indices] for texts in self.texts),
            self.labels[indices],
        )


@dataclass(frozen=True)
class TaskData:
    """A prepared task. ``task.source`` is None here: the data lies in the folder.

    ``error_tables`` are those of the noises that it is to be read under, by the noise's name.
    """

    task: Task
    train: Examples
    selection: Examples
    test: Examples
    error_tables: Mapping[str, ErrorTable] = field(default_factory=dict)
