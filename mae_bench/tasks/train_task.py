"""Tasks that train on another one: cross-lingual transfer and domain shift.

A study writes ``train -> test``, the names of two registered tasks, where it names a task.
"""

from dataclasses import replace

from mae_bench.errors import SpecError
from mae_bench.plurals import counted
from mae_bench.tasks.base import ARROW, TASKS, Task
from mae_bench.tasks.corpus_task import corpus_task, is_corpus_task

_SHOWN = 12  # labels that a message lists


def is_transfer(name: str) -> bool:
    """Whether a name is one of two tasks, ``train -> test``."""
    return ARROW.strip() in name


def registered_task(name: str) -> Task:
    """Return the task of a name, of a corpus' held-out text, or of the two names of a transfer.

    Raises:
        UnknownNameError: nobody registered it.
        SpecError: two tasks cannot be joined.
    """
    if is_transfer(name):
        return transfer_task(name)
    if is_corpus_task(name) and name not in TASKS:
        return corpus_task(name)
    return TASKS.get(name)


def transfer_task(name: str) -> Task:
    """Return the task that trains and chooses on one registered task and tests on another.

    Whether their labels are the same is checked with its kind (`TaskKind.check`).

    Raises:
        UnknownNameError: nobody registered one of the two.
        SpecError: the name is not written as it must be, or the two cannot be joined.
    """
    train, arrow, test = name.partition(ARROW)
    if not arrow or ARROW.strip() in test or not train.strip() or train == test:
        raise SpecError(
            f"a task to train on and another to test on are written 'train -> test', got '{name}'; "
            "name two different tasks, with one blank on each side of the arrow",
            name,
        )
    source, target = TASKS.get(train), TASKS.get(test)
    if source.is_test_only:
        raise SpecError(
            f"task '{name}': '{train}' has a test alone and nothing to train on; name another task "
            "before the arrow",
            name,
        )
    if source.kind == target.kind and len(source.text_fields) != len(target.text_fields):
        raise SpecError(
            f"task '{name}': '{train}' has {counted(len(source.text_fields), 'text')} an example, "
            f"'{test}' {len(target.text_fields)}; name two tasks that have as many",
            name,
        )
    return replace(target, name=name, train_task=train, selection_split=None, is_test_only=False)


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
            f"{_labels_in_words(task)}, those of '{other.name}' {_labels_in_words(other)}"
            f"{_difference(task, other)}; name a train_task of the same labels in the same order"
        )


def _labels_in_words(task: Task) -> str:
    names = task.label_names
    more = f", ... of {len(names)}" if len(names) > _SHOWN else ""
    labels = ", ".join(names[:_SHOWN]) + more or (task.label_range or "unnamed")
    return f"{task.kind} ({labels})"


def _difference(task: Task, other: Task) -> str:
    """Return the first label that only one of two tasks has, where a list is cut off before it."""
    if max(len(task.label_names), len(other.label_names)) <= _SHOWN:
        return ""
    for one, two in ((task, other), (other, task)):
        if only := [name for name in one.label_names if name not in two.label_names]:
            return f"; '{only[0]}' is a label of '{one.name}' alone"
    return "; the order of the labels differs"
