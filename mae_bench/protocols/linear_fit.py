"""Linear models on fixed features, as the task's kind fits them: by scikit-learn, or on a GPU.

Shared by the linear probe and the TF-IDF floor, so that both floors and encoders get the same
solver, stopping rule and choice on the selection part.
"""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from mae_bench.protocols.outcome import Trial, choose, score
from mae_bench.tasks.base import Task
from mae_bench.tasks.kinds.base import LinearKind, Predict, kind_of
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.word_kind import WordKind


@dataclass(frozen=True)
class Fitted:
    """A model and how it did on the selection part; ``predict`` takes features [N, F]."""

    predict: Predict
    trial: Trial


def linear_kind(task: Task) -> LinearKind:
    """Return the kind of a task that a linear model can predict."""
    kind = kind_of(task)
    assert isinstance(kind, LinearKind)  # the protocol's `kinds`
    return kind


def try_penalties(
    kind: LinearKind | WordKind,
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
    fitted = []
    with threadpool_limits(torch.get_num_threads()), warnings.catch_warnings():
        # convergence is recorded in the trial, where a reader of the results can see it
        warnings.simplefilter("ignore", ConvergenceWarning)
        models = kind.fit_linear(*train, grid, max_iter)
        for penalty, (predict, is_converged) in zip(grid, models, strict=True):
            value = score(kind.task, selection[1], predict(selection[0]))
            trial = Trial(chosen | {"C": penalty}, value, facts={"is_converged": is_converged})
            fitted.append(Fitted(predict, trial))
    return fitted


def best_of(task: Task, fitted: list[Fitted]) -> Fitted:
    """Return the model whose trial `choose` picks."""
    best = choose(task, [each.trial for each in fitted])
    return next(each for each in fitted if each.trial is best)
