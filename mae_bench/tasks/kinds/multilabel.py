"""Several classes of one text, or none: one decision a class.

Legend: N examples, B batch, C classes.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mae_bench.errors import DataError, SpecError
from mae_bench.tasks.base import Examples, Labels, Task
from mae_bench.tasks.kinds.base import (
    KINDS,
    FinetuneKind,
    LinearKind,
    Predict,
    objects,
)
from mae_bench.tasks.learner import PooledLearner
from mae_bench.tasks.logistic import fit_each
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.metrics.label_sets import members

if TYPE_CHECKING:
    from torch import Tensor

    from mae_bench.training.batching import TokenSet


@KINDS.register("multilabel")
class Multilabel(FinetuneKind, LinearKind):
    """One text gets any number of classes, or none.

    Labels are ascending lists of class numbers, which ``label_names`` names.

    A data set holds them as a list of numbers or names. A class is predicted where its probability
    is at least one half, for every class and task: a threshold that is tuned would be one more
    thing to choose.
    """

    default_metrics = ("micro_f1", "macro_f1", "subset_accuracy")
    has_classes = True
    has_lists = True
    fits_on_device = True
    pools_text = True

    def check(self) -> None:
        """Check that classes are named once each."""
        super().check()
        names = self.task.label_names
        if not names or len(set(names)) < len(names):
            raise SpecError(
                f"task '{self.task.name}' of kind '{self.task.kind}' must name its classes in "
                f"label_names, got {', '.join(names) or 'none'}; name each once"
            )

    def read_label(self, value: object, where: str) -> list[int]:
        """Return the numbers of a row's classes, each once."""
        if not isinstance(value, list):
            raise DataError(
                f"label {value!r:.80} in column '{self.task.label_field}' of {where} must be a "
                "list of classes, which may be empty"
            )
        return sorted({self._number(one, where) for one in value})

    def _number(self, value: object, where: str) -> int:
        place = self.names.place(value)
        if place is None:
            raise DataError(
                f"class {value!r} in column '{self.task.label_field}' of {where} is not allowed; "
                + self.names.allowed(value)
            )
        return place

    def array(self, labels: Sequence[object]) -> Labels:
        """Return lists of class numbers."""
        return objects(labels)

    @property
    def described(self) -> str:
        """How many classes there are to choose from."""
        return f"any of {self.task.num_labels}"

    def groups(self, labels: Labels) -> Labels:
        """Return the rarest class of each text, so that small training sets hold rare ones; -1."""
        counts = members(labels, self.task.num_labels).sum(axis=0)
        return np.array([min(one, key=lambda c: (counts[c], c), default=-1) for one in labels])

    def floor(self, train: Examples, examples: Examples) -> Values:
        """Return the classes that at least half of ``train`` has."""
        shares = members(train.labels, self.task.num_labels).mean(axis=0)
        usual = np.flatnonzero(shares >= 0.5).tolist()
        return objects(list(usual) for _ in examples.ids)

    def learner(self, train: Examples) -> "LabelSets":
        """Return the classes for binary cross-entropy."""
        return LabelSets(self.task, train.labels)

    def fit_linear(
        self, features: object, labels: Labels, penalties: Sequence[float], max_iter: int
    ) -> Iterator[tuple[Predict, bool]]:
        """Yield a logistic regression a class; a class that all or none have is predicted so.

        Raises:
            DataError: no class tells one training example from another.
        """
        table = members(labels, self.task.num_labels)
        always: Values = np.asarray(table.all(axis=0))
        varied = np.flatnonzero(table.any(axis=0) & ~always)
        if not len(varied):
            raise DataError(
                f"the {len(labels)} training examples of task '{self.task.name}' all have the same "
                "classes; a classifier needs two examples that differ: raise the train size"
            )
        for models, is_converged in fit_each(features, table[:, varied], penalties, max_iter):
            yield _together(models, varied, always), is_converged


def _together(models: Sequence[Predict], varied: Values, always: Values) -> Predict:
    """Return the models of classes ``varied`` as one of all; others are as ``always`` says."""

    def predict(features: Any) -> Values:
        table = np.tile(always, (features.shape[0], 1))
        for number, model in zip(varied, models, strict=True):
            table[:, number] = model(features)
        return _lists(table)

    return predict


def _lists(table: Values) -> Values:
    """Return [N] the classes of each row of [N, C]."""
    return objects(np.flatnonzero(row).tolist() for row in table)


class LabelSets(PooledLearner):
    """One output a class, and the mean binary cross-entropy of classes."""

    def __init__(self, task: Task, train: Labels) -> None:
        """Read the shares of the classes in the training labels."""
        super().__init__(task, task.num_labels)
        table = members(train, task.num_labels)
        shares = table.mean(axis=0)
        likelihoods = np.where(table, shares, 1 - shares)  # above 0: each is of its own row, too
        self.constant_losses = -np.log(likelihoods).mean(axis=1)

    def encode(self, labels: Labels, texts: "TokenSet") -> "Tensor":
        """Return [N, C] float32: 1 where a text has the class."""
        import torch

        table = members(labels, self.task.num_labels).astype(np.float32)
        return torch.from_numpy(table).to(texts.ids.device)

    def loss(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """Return the mean binary cross-entropy of outputs [B, C]."""
        from torch.nn import functional

        return functional.binary_cross_entropy_with_logits(outputs, targets)

    def decode(self, outputs: "Tensor", texts: "TokenSet") -> Values:
        """Return the classes with a probability of at least one half."""
        return _lists((outputs >= 0).cpu().numpy())
