"""Logistic regressions along a grid of penalties, for every kind whose labels are of classes.

The problem, start, stop and solver are those of scikit-learn's ``LogisticRegression`` with
``solver="lbfgs"``, and so is each number of a fit, to the bit: theirs asks at every evaluation what
kind of array it got, which takes longer than the sums of a few hundred texts. A flat optimum makes
bits matter: from sums in another order the solver stops elsewhere.

Legend: N examples, F features, C classes, K rows: C, or 1 of two classes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mae_bench.tasks.metrics import Values
from mae_bench.tasks.stacked import DeviceModel, StackedFeatures

Floats = NDArray[np.float64]
TOLERANCE = 1e-4  # of the largest entry of the gradient
_OPTIONS = {"gtol": TOLERANCE, "ftol": 64 * np.finfo(np.float64).eps, "maxls": 50}


@dataclass(frozen=True)
class Logistic:
    """A fitted regression.

    Attributes:
        classes: [C], ascending.
        table: [K, F + 1] weights, the intercept last.
    """

    classes: Values
    table: Floats

    def decision_function(self, features: Any) -> Floats:
        """Return the log-odds of the second of two classes, [N]; of more, scores [N, C]."""
        scores: Floats = features @ self.table[:, :-1].T + self.table[:, -1]
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict(self, features: Any) -> Values:
        """Return the class [N] of the highest score."""
        scores = self.decision_function(features)
        index = (scores > 0).astype(np.int64) if scores.ndim == 1 else scores.argmax(axis=1)
        predicted: Values = self.classes[index]
        return predicted


def fit_logistic(
    features: Any, labels: Values, penalties: Sequence[float], max_iter: int
) -> Iterator[tuple[Callable[[Any], Values], bool]]:
    """Yield one model for each inverse penalty C, and whether its solver converged.

    Args:
        features: [N, F], dense or sparse, or on a device, where other sums end within rounding.
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


def fit_each(
    features: Any, columns: Values, penalties: Sequence[float], max_iter: int
) -> Iterator[tuple[list[Callable[[Any], Values]], bool]]:
    """Yield what `fit_logistic` does of each of several labels: their models at one penalty.

    Args:
        features: [N, F] as there.
        columns: [N, T] T labels of each example, each of the same two classes.
        penalties: ascending.
        max_iter: of the solver.
    """
    if isinstance(features, StackedFeatures):
        fits = features.logistic(columns, penalties, max_iter)
        for at_one in zip(*fits, strict=True):
            yield [model.predict for model, _ in at_one], all(is_fine for _, is_fine in at_one)
        return
    models = (fit_logistic(features, column, penalties, max_iter) for column in columns.T)
    for fitted in zip(*models, strict=True):
        yield [predict for predict, _ in fitted], all(is_fine for _, is_fine in fitted)


def _fitted(
    features: Any, labels: Values, penalties: Sequence[float], max_iter: int
) -> Iterator[tuple[Logistic | DeviceModel, bool]]:
    """Yield fitted regressions, each from the weights of the one before.

    That halves the iterations of a wide grid.
    """
    if isinstance(features, StackedFeatures):
        (fits,) = features.logistic(labels[:, None], penalties, max_iter)
        yield from fits
        return
    from scipy.optimize import minimize

    classes, targets = np.unique(labels, return_inverse=True)
    objective = _objective(features, targets.astype(np.float64), len(classes))
    num_rows = _num_rows(len(classes))
    weights = np.zeros((features.shape[1] + 1) * num_rows)
    for penalty in penalties:
        outcome = minimize(
            objective,
            weights,
            args=(1.0 / (penalty * features.shape[0]),),
            jac=True,
            method="L-BFGS-B",
            options={**_OPTIONS, "maxiter": max_iter},
        )
        weights = outcome.x
        table = weights.copy().reshape((num_rows, -1), order="F")
        yield Logistic(classes, table), int(outcome.nit) < max_iter


def _num_rows(num_classes: int) -> int:
    return 1 if num_classes == 2 else num_classes


def _objective(
    features: Any, targets: Floats, num_classes: int
) -> Callable[[Floats, float], tuple[float, Floats]]:
    """Return what gives the mean loss with its penalty, and its gradient, of flat weights.

    Weights lie feature by feature, as scikit-learn has them: the order decides the last bits.
    """
    from sklearn._loss import HalfBinomialLoss, HalfMultinomialLoss

    count, num_rows = features.shape[0], _num_rows(num_classes)
    is_binary = num_rows == 1
    losses = HalfBinomialLoss() if is_binary else HalfMultinomialLoss(n_classes=num_classes)

    def objective(flat: Floats, shrinkage: float) -> tuple[float, Floats]:
        table = flat.reshape((num_rows, -1), order="F")
        weights = flat[:-1] if is_binary else table[:, :-1]
        offsets = flat[-1] if is_binary else table[:, -1]
        values, slopes = losses.loss_gradient(
            y_true=targets, raw_prediction=features @ weights.T + offsets
        )
        shrunk = weights.ravel(order="K")
        loss = float(values.sum() / count) + float(0.5 * shrinkage * np.dot(shrunk, shrunk))
        slopes /= count
        gradient = np.empty_like(table)
        pulled = features.T @ slopes if is_binary else slopes.T @ features
        gradient[:, :-1] = pulled + shrinkage * weights
        gradient[:, -1] = slopes.sum(axis=0)
        return loss, gradient.ravel(order="F")

    return objective
