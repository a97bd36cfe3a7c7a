"""One class of one text: accuracy and its kin, cross-entropy, logistic regression.

Legend: N examples, B batch, C classes.
"""

import copy
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from mae_bench.errors import DataError, SpecError
from mae_bench.tasks.base import Examples, Labels, Task
from mae_bench.tasks.kinds.base import KINDS, FinetuneKind, Predict
from mae_bench.tasks.learner import PooledLearner
from mae_bench.tasks.logistic import fit_logistic
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.mislabel import ClassKind
from mae_bench.tasks.untrained import ClozeKind, FewShotKind, NeighbourKind

if TYPE_CHECKING:
    from torch import Tensor

    from mae_bench.specs import FinetuneRecipe
    from mae_bench.training.batching import TokenSet

MAX_NAMED = 30  # classes that a message lists


@KINDS.register("classify")
class Classify(FinetuneKind, FewShotKind, ClozeKind, NeighbourKind, ClassKind):
    """One text gets one class.

    Labels are numbers of classes, int64, which ``label_names`` names.

    Data may hold the number, the name, or for two classes false and true.

    Attributes:
        is_balanced: whether a fine-tune weighs every class alike, however many examples it has.
    """

    default_metrics: ClassVar[tuple[str, ...]] = ("accuracy", "f1")
    has_classes = True
    pools_text = True
    weighs_classes = True
    fits_on_device = True
    is_balanced = False

    def check(self) -> None:
        """Check that one text is read and at least two classes are named."""
        super().check()
        if len(self.task.label_names) < 2:
            raise SpecError(
                f"task '{self.task.name}' of kind '{self.task.kind}' must name at least two "
                f"classes in label_names, got {len(self.task.label_names)}; name every class, or "
                "give the task another kind"
            )

    def read_label(self, value: Any, where: str) -> int:
        """Return the number of a class; a whole number may be stored as a float."""
        task = self.task
        is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        place = self.names.place(int(value) if is_whole else value)
        if place is not None:
            return place
        names = [f"{i} = {name}" for i, name in enumerate(task.label_names)]
        more = f", ... {names[-1]}" if len(names) > MAX_NAMED else ""
        allowed = ", ".join(names[:MAX_NAMED]) + more
        hint = "; -1 usually means that the split's labels are not public" if value == -1 else ""
        raise DataError(
            f"label {value!r} in column '{task.label_field}' of {where} is not allowed; "
            f"allowed: {allowed}{hint}"
        )

    def array(self, labels: Sequence[Any]) -> Labels:
        """Return int64 classes."""
        return np.asarray(labels, dtype=np.int64)

    @property
    def described(self) -> int:
        """The number of classes."""
        return self.task.num_labels

    def groups(self, labels: Labels) -> Labels:
        """Return the labels: each is a class."""
        return labels

    def other_classes(self, labels: Labels, draws: Values) -> Labels:
        """Return another class for each label, each equally likely."""
        num = self.task.num_labels
        others: Labels = (labels + 1 + (draws * (num - 1)).astype(np.int64)) % num
        return others

    def floor(self, train: Examples, examples: Examples) -> Values:
        """Return the commonest class of ``train``; of several the smallest."""
        values, counts = np.unique(train.labels, return_counts=True)
        return np.full(len(examples), int(values[counts.argmax()]))

    def under(self, recipe: "FinetuneRecipe") -> Self:
        """Return the kind with or without weights of classes."""
        kind = copy.copy(self)
        kind.is_balanced = recipe.class_weights == "balanced"
        return kind

    def learner(self, train: Examples) -> "Classes":
        """Return the classes for cross-entropy."""
        return Classes(self.task, train.labels, is_balanced=self.is_balanced)

    def vote(self, labels: Labels, weights: Values) -> Values:
        """Return the class with the most weight among the neighbours; of several the smallest."""
        from sklearn.utils.extmath import weighted_mode

        classes, _ = weighted_mode(labels, weights, axis=1)
        predicted: Values = classes[:, 0].astype(labels.dtype)
        return predicted

    def fit_linear(
        self, features: Any, labels: Labels, penalties: Sequence[float], max_iter: int
    ) -> Iterator[tuple[Predict, bool]]:
        """Yield logistic regressions.

        Raises:
            DataError: the training labels are all the same class.
        """
        if len(set(labels.tolist())) < 2:
            raise DataError(
                f"the {len(labels)} training examples of task '{self.task.name}' all have label "
                f"{labels[0]}; a classifier needs at least two classes: raise the train size"
            )
        yield from fit_logistic(features, labels, penalties, max_iter)


class Classes(PooledLearner):
    """One output a class, and cross-entropy.

    Balanced, a class weighs N / (C n) for its n of N training examples, as in scikit-learn, where C
    counts those that have one. The best constant then gives every class the same share, and its
    loss is log(C).
    """

    def __init__(self, task: Task, train: Labels, *, is_balanced: bool = False) -> None:
        """Read the shares of the classes in the training labels."""
        super().__init__(task, task.num_labels)
        self.class_weights: Values | None = None
        self.constant_losses = _surprises(train)
        if is_balanced:
            self.class_weights = _balanced_weights(train, task.num_labels)
            self.constant_losses = np.full(len(train), np.log(len(np.unique(train))))

    def encode(self, labels: Labels, texts: "TokenSet") -> "Tensor":
        """Return [N] int64 classes."""
        import torch

        return torch.from_numpy(np.asarray(labels, dtype=np.int64)).to(texts.ids.device)

    def loss(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """Return the mean cross-entropy of outputs [B, C], weighted where classes are."""
        from torch.nn import functional

        weights = self.class_weights
        return functional.cross_entropy(
            outputs, targets, weight=None if weights is None else outputs.new_tensor(weights)
        )

    def decode(self, outputs: "Tensor", texts: "TokenSet") -> Values:
        """Return the class of the highest output."""
        classes: Values = outputs.argmax(dim=1).cpu().numpy()
        return classes


def _surprises(train: Labels) -> Values:
    """Return [N] the negative log of each label's share: log(C) where classes are balanced."""
    _, class_index, counts = np.unique(train, return_inverse=True, return_counts=True)
    surprises: Values = -np.log(counts / len(train))[class_index]
    return surprises


def _balanced_weights(train: Labels, num_classes: int) -> Values:
    """Return [C] the weight of each class; 1 where the training examples have none of it."""
    classes, counts = np.unique(train, return_counts=True)
    weights: Values = np.ones(num_classes)
    weights[classes] = len(train) / (len(classes) * counts)
    return weights
