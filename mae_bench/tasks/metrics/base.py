"""What a metric is, and the registry of metrics.

Metrics are functions of (labels, predictions, number of the task's classes); the first two are
one-dimensional and of one length. What a metric is never depends on which classes happen to occur
in them. `mae_bench.measures` says which direction is better.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mae_bench.measures import POINTS, declare
from mae_bench.registry import Registry

Values = NDArray[Any]
Metric = Callable[[Values, Values, int], float]
METRICS: Registry[Metric] = Registry("metric", "metrics")


def add_metric(
    name: str,
    *,
    better: Literal["higher", "lower", "neither"],
    unit: str = POINTS,
    digits: int = 1,
) -> Callable[[Metric], Metric]:
    """Return a decorator that registers a metric for tasks and declares how it is read.

    For third parties, in a module that the entry-point group ``mae_bench.metrics`` names; the
    arguments are those of `mae_bench.measures.declare`.
    """
    declare(name, better=better, unit=unit, digits=digits)
    return METRICS.register(name)


def of_any_classes(name: str) -> Callable[[Callable[[Values, Values], float]], Any]:
    """Return a decorator that registers a metric which does not ask how many classes there are."""

    def add(metric: Callable[[Values, Values], float]) -> Callable[[Values, Values], float]:
        @wraps(metric)
        def with_classes(labels: Values, predictions: Values, num_classes: int) -> float:
            return metric(labels, predictions)

        METRICS.register(name)(with_classes)
        return metric

    return add


def is_constant(values: Values) -> bool:
    """Whether all values are the same; so is nothing at all."""
    values = np.asarray(values)
    return values.size == 0 or bool(np.all(values == values[0]))
