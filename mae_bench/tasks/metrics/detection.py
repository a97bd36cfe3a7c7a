"""Scores of an order: labels are 1 for what is to be detected and 0, predictions are numbers."""

import numpy as np

from mae_bench.tasks.metrics.base import Values, is_constant, of_any_classes

CHANCE = 0.5


@of_any_classes("auroc")
def auroc(labels: Values, predictions: Values) -> float:
    """Return the area under the ROC curve: how often a 1 is above a 0, ties as one half.

    As of out-of-scope detection since Hendrycks & Gimpel 2017 (arXiv:1610.02136); .5 by convention
    where one of the two does not occur.
    """
    from sklearn.metrics import roc_auc_score

    if is_constant(labels):
        return CHANCE
    return float(roc_auc_score(labels, predictions))


@of_any_classes("recall_at_95")
def recall_at_95(labels: Values, predictions: Values) -> float:
    """Return the share of 1 that is above the threshold which at least 95% of 0 are not above.

    That is 1 - FPR95 of Liang et al. 2018 (ODIN, arXiv:1706.02690), whose positive class is what is
    in scope. The threshold is read from the test labels, so that the score depends on the order of
    predictions alone; recall of Larson et al. 2019 is at one that was chosen before. What is tied
    with the threshold is not detected. 0 by convention where one of the two does not occur.
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if is_constant(labels):
        return 0.0
    kept = np.sort(predictions[labels == 0])
    threshold = kept[-(-19 * len(kept) // 20) - 1]  # in whole numbers: .95 has no exact float
    return float(np.mean(predictions[labels == 1] > threshold))
