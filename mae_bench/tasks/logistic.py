"""Logistic regressions along a grid of penalties, for every kind whose labels are of classes."""

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mae_bench.tasks.metrics import Values


def fit_logistic(
    features: Any, labels: Values, penalties: Sequence[float], max_iter: int
) -> Iterator[tuple[Callable[[Any], Values], bool]]:
    """Yield one model for each inverse penalty C, and whether its solver converged.

    Args:
        features: [N, F], dense or sparse.
        labels: [N], of at least two classes.
        penalties: ascending.
        max_iter: of the solver.
    """
    for model, is_converged in _fitted(features, labels, penalties, max_iter):
        yield model.predict, is_converged


def fit_log_odds(
    features: Any, labels: Values, penalties: Sequence[float], max_iter: int
) -> Iterator[tuple[Callable[[Any], Values], bool]]:
    """Yield what `fit_logistic` does, of two classes, as log-odds of the second."""
    for model, is_converged in _fitted(features, labels, penalties, max_iter):
        yield model.decision_function, is_converged


def _fitted(
    features: Any, labels: Values, penalties: Sequence[float], max_iter: int
) -> Iterator[tuple[Any, bool]]:
    """Yield fitted regressions, each from the weights of the one before.

    That halves the iterations of a wide grid.
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(solver="lbfgs", max_iter=max_iter, warm_start=True, random_state=0)
    for penalty in penalties:
        model.set_params(C=penalty).fit(features, labels)
        yield copy.deepcopy(model), int(max(model.n_iter_)) < max_iter
