"""Scores of classes, by scikit-learn."""

import numpy as np

from mae_bench.tasks.metrics.base import METRICS, Values, is_constant, of_any_classes


@of_any_classes("accuracy")
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


@of_any_classes("weighted_f1")
def weighted_f1(labels: Values, predictions: Values) -> float:
    """Return the mean F1 over classes, each weighted by its share of the labels.

    The official score of MasakhaNEWS and AfriSenti. A class that no label has weighs nothing.
    """
    from sklearn.metrics import f1_score

    return float(f1_score(labels, predictions, average="weighted", zero_division=0.0))


@of_any_classes("matthews")
def matthews(labels: Values, predictions: Values) -> float:
    """Return Matthews' correlation, many-class form; 0 by convention if a side is constant."""
    from sklearn.metrics import matthews_corrcoef

    if is_constant(labels) or is_constant(predictions):
        return 0.0
    return float(matthews_corrcoef(labels, predictions))
