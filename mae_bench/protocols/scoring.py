"""Scores of a task's predictions, by its registered metrics; every one a finite number."""

import math

from mae_bench.errors import DataError, MaeBenchError, PluginError
from mae_bench.tasks.base import Task
from mae_bench.tasks.metrics import METRICS, Values


def compute_metric(task: Task, name: str, labels: Values, predictions: Values) -> float:
    """Return a registered metric of a task's predictions.

    A value that is not finite is refused here, since later it has no name: in a choice NaN
    compares as neither better nor worse, and JSON has no word for it.

    Raises:
        PluginError: a metric of another package raised, or gave no finite number.
        DataError: one of this package did.
    """
    metric = METRICS.get(name)
    try:
        given = metric(labels, predictions, task.num_labels)
    except Exception as error:
        raise _failure(task, name, f"raised {type(error).__name__}: {error}") from error
    try:
        value = float(given)
    except (TypeError, ValueError) as error:
        raise _failure(task, name, f"returned {given!r}, which is no number") from error
    if not math.isfinite(value):
        raise _failure(task, name, f"returned {value}, which is no finite number")
    return value


def _failure(task: Task, name: str, what: str) -> MaeBenchError:
    plugin = METRICS.plugin(name)
    if plugin is None:
        return DataError(
            f"the metric '{name}' of task '{task.name}' {what}; check the task's labels, or name "
            "another metric in its definition"
        )
    return PluginError(
        f"the metric '{name}' of task '{task.name}' {what}; it comes from the module "
        f"{plugin.module} ({plugin.version}): make it return a finite number for any labels and "
        "predictions, or name another metric in the task's definition"
    )
