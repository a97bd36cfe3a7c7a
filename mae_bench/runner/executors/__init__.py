"""Where workers run: one executor a file. A change here moves no id and no number.

An executor is registered by its module, which is named here once; other packages bring theirs
through the entry-point group ``mae_bench.executors``.
"""

from mae_bench.runner.executors import local, ray, slurm
from mae_bench.runner.executors.base import EXECUTORS, Executor, WorkOrder, make_executor

__all__ = ["EXECUTORS", "Executor", "WorkOrder", "local", "make_executor", "ray", "slurm"]
