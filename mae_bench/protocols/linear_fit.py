"""Linear models on fixed features by scikit-learn: classes by logistic regression, values by ridge.

Shared by the linear probe and the TF-IDF floor, so that both floors and encoders get the same
solver, stopping rule and choice on the selection part. Legend: N examples, F features.
"""

import copy
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mae_bench.errors import DataError
from mae_bench.protocols.outcome import Trial, choose, score
from mae_bench.tasks.base import Task
from mae_bench.tasks.metrics import Values

Predict = Callable[[Any], Values]


@dataclass(frozen=True)
class Fitted:
    """A model and how it did on the selection part; ``predict`` takes features [N, F]."""

    predict: Predict
    trial: Trial


def fit_ridge(features: Any, labels: Values, penalties: Sequence[float]) -> list[Predict]:
    """Return ridge regressions at inverse penalties C, that is at alpha = 1/C.

    One fit for all: its Gram matrix, which costs most, does not depend on the penalty.
    """
    from sklearn.linear_model import Ridge

    alphas = 1.0 / np.asarray(penalties)
    copies = np.repeat(labels[:, None], len(alphas), axis=1)
    together = Ridge(alpha=alphas, random_state=0).fit(features, copies)
    weights = np.reshape(together.coef_, (len(alphas), -1))  # one target alone comes as a vector
    offsets = np.reshape(together.intercept_, -1)

    def at(place: int) -> Predict:
        alone = copy.copy(together)
        alone.coef_, alone.intercept_ = weights[place], offsets[place]
        predict: Predict = alone.predict
        return predict

    return [at(place) for place in range(len(alphas))]


def fit_logistic(
    task: Task, features: Any, labels: Values, penalties: Sequence[float], max_iter: int
) -> Iterator[tuple[Predict, bool]]:
    """Yield logistic regressions at ascending inverse penalties C, and whether each converged.

    Each starts from the weights of the one before, which halves the iterations of a wide grid.

    Raises:
        DataError: the training labels are all the same class.
    """
    from sklearn.linear_model import LogisticRegression

    if len(set(labels.tolist())) < 2:
        raise DataError(
            f"the {len(labels)} training examples of task '{task.name}' all have label "
            f"{labels[0]}; a classifier needs at least two classes: raise the train size"
        )
    model = LogisticRegression(solver="lbfgs", max_iter=max_iter, warm_start=True, random_state=0)
    for penalty in penalties:
        model.set_params(C=penalty).fit(features, labels)
        yield copy.deepcopy(model).predict, int(max(model.n_iter_)) < max_iter


def try_penalties(
    task: Task,
    train: tuple[Any, Values],
    selection: tuple[Any, Values],
    *,
    penalties: Iterable[float],
    max_iter: int,
    chosen: dict[str, float | str],
) -> list[Fitted]:
    """Return one fitted model for each inverse penalty, smallest first, scored on selection.

    Numerical libraries get as many threads as torch has, so that side-by-side workers do not
    fight for the cores and a sum is taken in one order.
    """
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    grid = sorted(set(penalties))
    models: Iterable[tuple[Predict, bool]]
    fitted = []
    with threadpool_limits(torch.get_num_threads()), warnings.catch_warnings():
        # whether it converged stands in the trial, where a reader of the results can see it
        warnings.simplefilter("ignore", ConvergenceWarning)
        if task.kind == "regress":
            models = [(predict, True) for predict in fit_ridge(*train, grid)]
        else:
            models = fit_logistic(task, *train, grid, max_iter)
        for penalty, (predict, is_converged) in zip(grid, models, strict=True):
            value = score(task, selection[1], predict(selection[0]))
            trial = Trial(chosen | {"C": penalty}, value, facts={"is_converged": is_converged})
            fitted.append(Fitted(predict, trial))
    return fitted


def best_of(task: Task, fitted: list[Fitted]) -> Fitted:
    """Return the one whose trial is the best."""
    best = choose(task, [each.trial for each in fitted])
    return next(each for each in fitted if each.trial is best)
