"""What learns from no label: its task without train, and the result of a floor."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mae_bench.protocols.outcome import ProtocolResult, Trial, conclude, score
from mae_bench.protocols.splits import Splits
from mae_bench.specs import EvaluateSpec
from mae_bench.tasks.base import Examples, TaskData
from mae_bench.tasks.metrics import Values


def without_train(task: TaskData) -> TaskData:
    """Return a task whose training part is empty, whether or not it has one."""
    return replace(task, train=task.train.take(np.array([], dtype=np.int64)))


def read_unlearned(
    spec: EvaluateSpec,
    task: TaskData,
    predict: Callable[[Examples], Values],
    *,
    started: float,
) -> ProtocolResult:
    """Return the result of a predictor that is what it is.

    Args:
        spec: of the evaluation.
        task: whose training part stays unread; it may have a test alone.
        predict: returns predictions [N] of N examples.
        started: `time.perf_counter` at the start of the protocol.
    """
    splits = Splits(spec, without_train(task))
    selection = splits.selection
    value = score(task.task, selection.labels, predict(selection)) if len(selection) else None
    return conclude(spec, splits, [Trial({}, value)], predict, started=started)
