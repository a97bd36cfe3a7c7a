"""Checks that a task can train on another one: cross-lingual transfer and domain shift."""

from mae_bench.errors import SpecError
from mae_bench.tasks.base import TASKS, Task


def check_train_task(task: Task, *, shares_labels: bool) -> None:
    """Check the `train_task` of a task that names one.

    Args:
        task: that is tested on.
        shares_labels: whether its kind can learn its labels from those of the other.

    Raises:
        UnknownNameError: nobody registered the other.
        SpecError: it is of another kind, or of other labels, or trains on a third.
    """
    other = TASKS.get(task.train_task)
    if other.train_task:
        raise SpecError(
            f"task '{task.name}' trains on '{other.name}', which itself trains on "
            f"'{other.train_task}'; name '{other.train_task}' as its train_task"
        )
    if other.kind != task.kind or not shares_labels:
        raise SpecError(
            f"task '{task.name}' cannot train on '{other.name}': its kind and labels are "
            f"{_labels_in_words(task)}, those of '{other.name}' {_labels_in_words(other)}; name a "
            "train_task of the same labels in the same order"
        )


def _labels_in_words(task: Task) -> str:
    labels = ", ".join(task.label_names) or (task.label_range or "unnamed")
    return f"{task.kind} ({labels})"
