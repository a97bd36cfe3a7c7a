"""One number of one or two texts, such as a rating or a similarity: correlation, squared error.

Legend: N examples, B batch.
"""

import copy
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mae_bench.errors import DataError, SpecError
from mae_bench.tasks.base import Examples, Labels, Task
from mae_bench.tasks.kinds.base import KINDS, FinetuneKind, LinearKind, Predict
from mae_bench.tasks.learner import PooledLearner
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.stacked import StackedFeatures
from mae_bench.tasks.untrained import CosineKind, NeighbourKind, Vectors, cosines

if TYPE_CHECKING:
    from torch import Tensor

    from mae_bench.training.batching import TokenSet

FLAT_RATIO = 0.01  # of the labels' standard deviation; predictions that vary less are constant


@KINDS.register("regress")
class Regress(FinetuneKind, LinearKind, CosineKind, NeighbourKind):
    """One text or two get a number, such as how similar they are.

    Labels are numbers, float32, within ``label_range``.
    """

    num_texts = 2
    allowed_texts = (1, 2)
    default_metrics = ("spearman", "pearson")
    needs_cosine = True
    fits_on_device = True
    pools_text = True

    def check(self) -> None:
        """Check that one or two texts are read and no classes are named."""
        super().check()
        if self.task.label_names:
            raise SpecError(
                f"task '{self.task.name}' of kind '{self.task.kind}' has numbers for labels and no "
                f"label_names, got {', '.join(self.task.label_names)}; drop them, or give the task "
                "another kind"
            )

    def read_label(self, value: Any, where: str) -> float:
        """Return a finite number within the task's range; it may be stored as text."""
        low, high = self.task.label_range or (-math.inf, math.inf)
        number = _number(value)
        if math.isfinite(number) and low <= number <= high:
            return number
        raise DataError(
            f"label {value!r} in column '{self.task.label_field}' of {where} is not allowed; "
            f"allowed: numbers from {low:g} to {high:g}"
        )

    def array(self, labels: Sequence[Any]) -> Labels:
        """Return float32 numbers."""
        return np.asarray(labels, dtype=np.float32)

    @property
    def described(self) -> str:
        """That they are numbers."""
        return "a number"

    def floor(self, train: Examples, examples: Examples) -> Values:
        """Return the mean of ``train``."""
        return np.full(len(examples), float(np.mean(train.labels)))

    def find_collapse(self, labels: Labels, predictions: Values) -> str:
        """Return "constant prediction" where predictions vary by less than `FLAT_RATIO`."""
        spread = float(np.std(labels.astype(np.float64)))
        is_constant = float(np.std(predictions.astype(np.float64))) < FLAT_RATIO * spread
        return "constant prediction" if is_constant else ""

    def learner(self, train: Examples) -> "Numbers":
        """Return the numbers in units of their deviation."""
        return Numbers(self.task, train.labels)

    def by_cosine(self, examples: Examples, vectors: Vectors) -> Values:
        """Return the cosine of the two texts, in [-1, 1] whatever the labels' range."""
        first, second = examples.texts
        return cosines(vectors(first), vectors(second))

    def vote(self, labels: Labels, weights: Values) -> Values:
        """Return the weighted mean of the neighbours' numbers."""
        means: Values = (labels.astype(np.float64) * weights).sum(axis=1) / weights.sum(axis=1)
        return means

    def fit_linear(
        self, features: Any, labels: Labels, penalties: Sequence[float], max_iter: int
    ) -> Iterator[tuple[Predict, bool]]:
        """Yield ridge regressions, which are solved and not iterated."""
        for predict in fit_ridge(features, labels, penalties):
            yield predict, True


class Numbers(PooledLearner):
    """One output and squared error, in units of the training labels' standard deviation."""

    def __init__(self, task: Task, train: Labels) -> None:
        """Read mean and deviation of the training labels."""
        super().__init__(task, num_outputs=1)
        self.mean = float(np.mean(train))
        self.scale = float(np.std(train)) or 1.0
        self.constant_losses = self._scaled(train) ** 2  # of the mean: 1 on average

    def encode(self, labels: Labels, texts: "TokenSet") -> "Tensor":
        """Return [N] float32 in units of the deviation."""
        import torch

        return torch.from_numpy(self._scaled(labels).astype(np.float32)).to(texts.ids.device)

    def loss(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """Return the mean squared error of outputs [B, 1]."""
        from torch.nn import functional

        return functional.mse_loss(outputs[:, 0], targets)

    def decode(self, outputs: "Tensor", texts: "TokenSet") -> Values:
        """Return float64 numbers in the units of the labels."""
        values: Values = outputs[:, 0].double().cpu().numpy() * self.scale + self.mean
        return values

    def _scaled(self, labels: Labels) -> Values:
        return (np.asarray(labels, dtype=np.float64) - self.mean) / self.scale


def _number(value: Any) -> float:
    """Return what a number or its text says; nan for anything else."""
    try:
        return float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        return math.nan


def fit_ridge(features: Any, labels: Labels, penalties: Sequence[float]) -> list[Predict]:
    """Return ridge regressions at inverse penalties C, that is at alpha = 1/C.

    One fit for all: its Gram matrix, which costs most, does not depend on the penalty.
    """
    if isinstance(features, StackedFeatures):
        return features.ridge(labels, penalties)
    from sklearn.linear_model import Ridge

    alphas = 1.0 / np.asarray(penalties)
    copies = np.repeat(labels[:, None], len(alphas), axis=1)
    together = Ridge(alpha=alphas, random_state=0).fit(features, copies)
    weights = np.reshape(together.coef_, (len(alphas), -1))  # one target alone comes as a vector
    offsets = np.reshape(together.intercept_, -1)

    def at(index: int) -> Predict:
        alone = copy.copy(together)
        alone.coef_, alone.intercept_ = weights[index], offsets[index]
        predict: Predict = alone.predict
        return predict

    return [at(index) for index in range(len(alphas))]
