"""Labelled tasks, their kinds, and the metrics that score them.

What to touch: a new task of a known kind is a definition in its family's file in `definitions`, a
new kind a file in `kinds`, a metric one registered function in `metrics`. A change to splits or
subsets moves the numbers of all protocols.
"""

from mae_bench.tasks import definitions
from mae_bench.tasks.base import TASKS, Examples, Task, TaskData, add_task
from mae_bench.tasks.build import build_task
from mae_bench.tasks.kinds import KINDS, kind_of
from mae_bench.tasks.prepared import load_task, task_fingerprint
from mae_bench.tasks.subsets import subset

__all__ = [
    "KINDS",
    "TASKS",
    "Examples",
    "Task",
    "TaskData",
    "add_task",
    "build_task",
    "definitions",
    "kind_of",
    "load_task",
    "subset",
    "task_fingerprint",
]
