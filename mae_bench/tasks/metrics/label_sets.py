"""Scores of several classes a text, by scikit-learn.

Labels and predictions are arrays of lists of class numbers, which may be empty. Legend: N examples,
C classes.
"""

import numpy as np

from mae_bench.tasks.metrics.base import METRICS, Values


def members(sets: Values, num_classes: int) -> Values:
    """Return [N, C] whether each class is in each list."""
    table = np.zeros((len(sets), num_classes), dtype=np.bool_)
    for row, classes in enumerate(sets):
        table[row, list(classes)] = True
    return table


@METRICS.register("micro_f1")
def micro_f1(labels: Values, predictions: Values, num_classes: int) -> float:
    """Return F1 of all pairs of text and class together; 0 where no class is in either side."""
    return _f1(labels, predictions, num_classes, "micro")


@METRICS.register("macro_f1")
def macro_f1(labels: Values, predictions: Values, num_classes: int) -> float:
    """Return the mean F1 of the task's classes; one that is in neither side scores 0."""
    return _f1(labels, predictions, num_classes, "macro")


@METRICS.register("subset_accuracy")
def subset_accuracy(labels: Values, predictions: Values, num_classes: int) -> float:
    """Return the share of texts of which every class is right and none too many."""
    sides = (members(side, num_classes) for side in (labels, predictions))
    return float(np.mean(np.all(np.equal(*sides), axis=1)))


def _f1(labels: Values, predictions: Values, num_classes: int, average: str) -> float:
    from sklearn.metrics import f1_score

    sides = (members(side, num_classes) for side in (labels, predictions))
    return float(f1_score(*sides, average=average, zero_division=0.0))
