"""Linear models on fixed features by scikit-learn: classes by logistic regression, values by ridge.

Shared by the linear probe and the TF-IDF floor, so that both floors and encoders get the same
solver, stopping rule and choice on the selection part.
"""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from mae_bench.errors import DataError
from mae_bench.tasks.base import Task
from mae_bench.tasks.metrics import Values
from mae_bench.training.outcome import Trial, choose, score


@dataclass(frozen=True)
class Fitted:
    """A model and how it did on the selection part."""

    model: Any
    trial: Trial


def fit_linear(task: Task, features: Any, labels: Values, penalty: float, max_iter: int) -> Any:
    """Return a fitted model at an inverse penalty C (ridge: alpha = 1/C).

    Numerical libraries get as many threads as torch has, so that side-by-side workers do not
    fight for the cores and a sum is taken in one order.

    Raises:
        DataError: the training labels are all the same class.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge
    from threadpoolctl import threadpool_limits

    if task.kind == "regress":
        model = Ridge(alpha=1.0 / penalty, random_state=0)
    else:
        if len(set(labels.tolist())) < 2:
            raise DataError(
                f"the {len(labels)} training examples of task '{task.name}' all have label "
                f"{labels[0]}; a classifier needs at least two classes: raise the train size"
            )
        model = LogisticRegression(C=penalty, solver="lbfgs", max_iter=max_iter, random_state=0)
    with threadpool_limits(torch.get_num_threads()), warnings.catch_warnings():
        # whether it converged stands in the trial, where a reader of the results can see it
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, labels)


def try_penalties(
    task: Task,
    train: tuple[Any, Values],
    selection: tuple[Any, Values],
    *,
    penalties: Iterable[float],
    max_iter: int,
    chosen: dict[str, float | str],
) -> list[Fitted]:
    """Return one fitted model for each inverse penalty, smallest first, scored on selection."""
    fitted = []
    for penalty in sorted(set(penalties)):
        model = fit_linear(task, *train, penalty, max_iter)
        value = score(task, selection[1], model.predict(selection[0]))
        iterations = getattr(model, "n_iter_", None)  # ridge solves in closed form where dense
        is_converged = iterations is None or int(max(iterations)) < max_iter
        trial = Trial(chosen | {"C": penalty}, value, facts={"is_converged": is_converged})
        fitted.append(Fitted(model, trial))
    return fitted


def best_of(task: Task, fitted: list[Fitted]) -> Fitted:
    """Return the one whose trial is the best."""
    best = choose(task, [each.trial for each in fitted])
    return next(each for each in fitted if each.trial is best)
