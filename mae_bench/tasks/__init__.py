"""Labelled tasks, and the metrics that score them.

What to touch: a new task of a known kind is a definition in its family's file, a metric one
registered function. A change to splits or subsets moves the numbers of all protocols.
"""

from mae_bench.tasks import classification, glue, similarity, world
from mae_bench.tasks.base import (
    TASKS,
    Examples,
    Task,
    TaskData,
    add_task,
    load_task,
    subset,
    task_fingerprint,
)
from mae_bench.tasks.build import build_task

__all__ = [
    "TASKS",
    "Examples",
    "Task",
    "TaskData",
    "add_task",
    "build_task",
    "classification",
    "glue",
    "load_task",
    "similarity",
    "subset",
    "task_fingerprint",
    "world",
]
