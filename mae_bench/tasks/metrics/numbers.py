"""Correlations of numbers, by SciPy."""

import numpy as np

from mae_bench.tasks.metrics.base import Values, is_constant, of_any_classes


@of_any_classes("pearson")
def pearson(labels: Values, predictions: Values) -> float:
    """Return Pearson's correlation; 0 by convention if a side is constant."""
    from scipy.stats import pearsonr

    if is_constant(labels) or is_constant(predictions):
        return 0.0
    # float64, and centred first: near-constant float32 predictions would lose every digit
    x, y = (np.asarray(side, dtype=np.float64) for side in (labels, predictions))
    return _finite(float(pearsonr(x - x.mean(), y - y.mean()).statistic))


@of_any_classes("spearman")
def spearman(labels: Values, predictions: Values) -> float:
    """Return Spearman's rank correlation, ties at mean rank; 0 if a side is constant."""
    from scipy.stats import spearmanr

    if is_constant(labels) or is_constant(predictions):
        return 0.0
    return _finite(float(spearmanr(labels, predictions).statistic))


def _finite(value: float) -> float:
    """Return 0 for the nan that values equal up to rounding give."""
    return value if np.isfinite(value) else 0.0
