"""Scores of predictions against labels, by scikit-learn and SciPy; more is better for each.

Metrics are functions of (labels, predictions), both one-dimensional and of one length.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]
Metric = Callable[[Values, Values], float]


def accuracy(labels: Values, predictions: Values) -> float:
    """Return the share of predictions that equal their label."""
    return float(np.mean(np.asarray(labels) == np.asarray(predictions)))


def f1(labels: Values, predictions: Values) -> float:
    """Return F1: of class 1 where only classes 0 and 1 occur, else the mean over classes.

    The binary form is GLUE's (MRPC, QQP). A class never predicted scores 0. The mean runs over
    classes that occur in the labels or the predictions.
    """
    from sklearn.metrics import f1_score

    occurring = set(np.unique(labels)) | set(np.unique(predictions))
    average = "binary" if occurring <= {0, 1} else "macro"
    return float(f1_score(labels, predictions, average=average, zero_division=0.0))


def matthews(labels: Values, predictions: Values) -> float:
    """Return Matthews' correlation, many-class form; 0 by convention if a side is constant."""
    from sklearn.metrics import matthews_corrcoef

    if _is_constant(labels) or _is_constant(predictions):
        return 0.0
    return float(matthews_corrcoef(labels, predictions))


def pearson(labels: Values, predictions: Values) -> float:
    """Return Pearson's correlation; 0 by convention if a side is constant."""
    from scipy.stats import pearsonr

    if _is_constant(labels) or _is_constant(predictions):
        return 0.0
    # float64, and centred first: near-constant float32 predictions would lose every digit
    x, y = (np.asarray(side, dtype=np.float64) for side in (labels, predictions))
    return _finite(float(pearsonr(x - x.mean(), y - y.mean()).statistic))


def spearman(labels: Values, predictions: Values) -> float:
    """Return Spearman's rank correlation, ties at mean rank; 0 if a side is constant."""
    from scipy.stats import spearmanr

    if _is_constant(labels) or _is_constant(predictions):
        return 0.0
    return _finite(float(spearmanr(labels, predictions).statistic))


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "f1": f1,
    "matthews": matthews,
    "pearson": pearson,
    "spearman": spearman,
}


def _is_constant(values: Values) -> bool:
    values = np.asarray(values)
    return values.size == 0 or bool(np.all(values == values[0]))


def _finite(value: float) -> float:
    """Return 0 for the nan that values equal up to rounding give."""
    return value if np.isfinite(value) else 0.0
