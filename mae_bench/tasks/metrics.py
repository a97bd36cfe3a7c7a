"""Scores of predictions against labels, by scikit-learn and SciPy.

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


def _of_any_classes(name: str) -> Callable[[Callable[[Values, Values], float]], Any]:
    """Register a metric that does not ask how many classes a task has."""

    def add(metric: Callable[[Values, Values], float]) -> Callable[[Values, Values], float]:
        @wraps(metric)
        def with_classes(labels: Values, predictions: Values, num_classes: int) -> float:
            return metric(labels, predictions)

        METRICS.register(name)(with_classes)
        return metric

    return add


@_of_any_classes("accuracy")
def accuracy(labels: Values, predictions: Values) -> float:
    """Return the share of predictions that equal their label."""
    return float(np.mean(np.asarray(labels) == np.asarray(predictions)))


@METRICS.register("f1")
def f1(labels: Values, predictions: Values, num_classes: int = 2) -> float:
    """Return F1: of class 1 in a task of two classes, else the mean over all its classes.

    The binary form is GLUE's (MRPC, QQP). A class that neither labels nor predictions hold scores
    0, as by scikit-learn's ``labels`` and ``zero_division=0``: left out or counted as 1, it would
    move the mean by a whole class with the first wrong prediction. Only where every prediction is
    right is nothing missed, and the score is 1.
    """
    from sklearn.metrics import f1_score

    if np.array_equal(labels, predictions):
        return 1.0
    classes = [1] if num_classes == 2 else list(range(num_classes))
    by_class = f1_score(labels, predictions, labels=classes, average=None, zero_division=0.0)
    return float(np.mean(by_class))


@_of_any_classes("matthews")
def matthews(labels: Values, predictions: Values) -> float:
    """Return Matthews' correlation, many-class form; 0 by convention if a side is constant."""
    from sklearn.metrics import matthews_corrcoef

    if _is_constant(labels) or _is_constant(predictions):
        return 0.0
    return float(matthews_corrcoef(labels, predictions))


@_of_any_classes("pearson")
def pearson(labels: Values, predictions: Values) -> float:
    """Return Pearson's correlation; 0 by convention if a side is constant."""
    from scipy.stats import pearsonr

    if _is_constant(labels) or _is_constant(predictions):
        return 0.0
    # float64, and centred first: near-constant float32 predictions would lose every digit
    x, y = (np.asarray(side, dtype=np.float64) for side in (labels, predictions))
    return _finite(float(pearsonr(x - x.mean(), y - y.mean()).statistic))


@_of_any_classes("spearman")
def spearman(labels: Values, predictions: Values) -> float:
    """Return Spearman's rank correlation, ties at mean rank; 0 if a side is constant."""
    from scipy.stats import spearmanr

    if _is_constant(labels) or _is_constant(predictions):
        return 0.0
    return _finite(float(spearmanr(labels, predictions).statistic))


def _is_constant(values: Values) -> bool:
    values = np.asarray(values)
    return values.size == 0 or bool(np.all(values == values[0]))


def _finite(value: float) -> float:
    """Return 0 for the nan that values equal up to rounding give."""
    return value if np.isfinite(value) else 0.0
