"""What a labelled data set is, and the examples that it holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from numpy.typing import NDArray

from mae_bench.data.held_out import HeldOutText
from mae_bench.data.noises import ErrorTable
from mae_bench.data.own_files import FileSource
from mae_bench.data.sources import Source
from mae_bench.registry import Registry

Split = Literal["train", "selection", "test"]
Labels = NDArray[Any]
ARROW = " -> "  # between the task to train on and the one to test on, in the name of both
PARTS: tuple[Split, ...] = ("train", "selection", "test")


@dataclass(frozen=True)
class Task:
    """A labelled data set and how it is scored.

    Attributes:
        name: its name in the registry.
        kind: a name in `KINDS`, which decides what a label is and how a model learns it.
        text_fields: the columns with the text, as many as the kind reads.
        label_field: the column with the label; empty where the kind reads none.
        label_names: label i is ``label_names[i]``; empty where labels are not of classes.
        metrics: names in ``METRICS``; the first is the primary one, which choices and verdicts
            follow in the direction that is declared for it.
        source: where it is read from: a published set, a corpus' held-out text or the user's
            files; None for the generated world.
        test_split: the official split that is tested on; ``validation`` where the official test
            has no public labels.
        selection_split: the official split to choose hyper-parameters on, or None to carve one
            out of train.
        label_range: least and greatest label where labels are numbers.
        licence: as its publisher states it.
        note: what a reader of results should know.
        skipped_labels: labels that stand for none; their rows are left out, and counted.
        language: of its texts, as ISO 639 (``en``, ``zh``, ``hau``); several with ``+``.
        option_fields: the columns with the options to choose among, one an option, or one that
            holds lists; empty where the kind has none, or reads them from the text.
        train_task: the registered task whose train and selection parts are used, so that only the
            test is this task's own: another language, or another domain. Empty for its own.
        detected_labels: what the data set writes for the class to detect, of kinds that tell one
            from all others.
        is_test_only: whether it has nothing to learn from or choose on, so that only protocols
            that learn nothing read it.
    """

    name: str
    kind: str
    text_fields: tuple[str, ...]
    label_field: str
    label_names: tuple[str, ...]
    metrics: tuple[str, ...]
    source: Source | FileSource | HeldOutText | None
    licence: str
    test_split: str = "test"
    selection_split: str | None = None
    label_range: tuple[float, float] | None = None
    note: str = ""
    skipped_labels: tuple[Any, ...] = ()
    language: str = "en"
    option_fields: tuple[str, ...] = ()
    train_task: str = ""
    is_test_only: bool = False
    detected_labels: tuple[Any, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that hold an example's texts."""
        return (*self.text_fields, *self.option_fields)

    @property
    def trained_as(self) -> str:
        """The task that is trained on, which names the draws of training.

        Tasks that train on the same one train the same model from the same seed.
        """
        return self.train_task or self.name

    @property
    def tested_as(self) -> str:
        """The task whose test part is read, without the one that is trained on before it."""
        return self.name.rpartition(ARROW)[2]

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
        texts: one list of texts, or several of equal length.
        labels: [N], one element an example, as the task's kind makes them: int64 classes,
            float32 numbers, or objects such as a list of tags.
        num_texts: [N] how many of the texts each example has, the others being empty; None where
            each has all.
    """

    ids: list[str]
    texts: tuple[list[str], ...]
    labels: Labels
    num_texts: Labels | None = None

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.ids)

    def take(self, indices: Labels) -> "Examples":
        """Return the examples at the given indices, in that order."""
        return Examples(
            [self.ids[i] for i in indices],
            tuple([texts[i] for i in indices] for texts in self.texts),
            self.labels[indices],
            None if self.num_texts is None else self.num_texts[indices],
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
