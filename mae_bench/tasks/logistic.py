"""Logistic regressions along a grid of penalties, for every kind whose labels are of classes."""

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mae_bench.tasks.metrics import Values


def fit_logistic(
    features: Any, labels: Values, penalties: Sequence[float], max_iter: int, as_odds: bool = False
) -> Iterator[tuple[Callable[[Any], Values], bool]]:
    """Yield one model for each inverse penalty C, and whether its solver converged.

    Each starts from the weights of the one before, which halves the iterations of a wide grid.

    Args:
        features: [N, F], dense or sparse.
        labels: [N], of at least two classes.
        penalties: ascending.
        max_iter: of the solver.
        as_odds: whether models give log-odds of the second of two classes, in place of classes.
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(solver="lbfgs", max_iter=max_iter, warm_start=True, random_state=0)
    for penalty in penalties:
        model.set_params(C=penalty).fit(features, labels)
        fitted = copy.deepcopy(model)
        predict = fitted.decision_function if as_odds else fitted.predict
        yield predict, int(max(model.n_iter_)) < max_iter
