"""How much a text looks like the class to detect, such as utterances out of an assistant's scope.

A prediction is a number, the higher the likelier, and is judged by its order alone. The model is
trained on examples of both classes, as in the "oos-train" and binary set-ups of Larson et al. 2019
(arXiv:1909.02027). Legend: N examples, B batch.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mae_bench.errors import DataError, SpecError
from mae_bench.tasks.base import Examples, Labels
from mae_bench.tasks.kinds.base import KINDS, FinetuneKind, LinearKind, Predict
from mae_bench.tasks.kinds.classify import Classes, Classify
from mae_bench.tasks.logistic import fit_log_odds
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.mislabel import ClassKind

if TYPE_CHECKING:
    from torch import Tensor

    from mae_bench.training.batching import TokenSet

SAME = 1e-6  # scores that differ by less are rounding of the encoder


@KINDS.register("detect")
class Detect(FinetuneKind, LinearKind, ClassKind):
    """One text either is of the class that is looked for, or of any other.

    Labels are int64: 1 for what is to be detected, the second of ``label_names``, else 0.

    Where the task has ``detected_labels`` these are what a data set writes for 1, and any other
    label is 0; else it writes one of the two classes, as `Classify` reads them. Predictions are
    log-odds.
    """

    default_metrics: ClassVar[tuple[str, ...]] = ("auroc", "recall_at_95")
    has_classes = True
    fits_on_device = True
    pools_text = True

    def check(self) -> None:
        """Check that one text is read, and that the rest and what is detected are named."""
        super().check()
        if len(names := self.task.label_names) != 2:
            raise SpecError(
                f"task '{self.task.name}' of kind '{self.task.kind}' must name two classes in "
                f"label_names, the rest and what is to be detected, got {len(names)}; say in "
                "detected_labels which labels of the data are to be detected"
            )

    def read_label(self, value: Any, where: str) -> int:
        """Return 1 for what is to be detected."""
        detected = self.task.detected_labels
        if not detected:
            return self._classes.read_label(value, where)
        if value is None or value == -1:
            raise DataError(
                f"label {value!r} in column '{self.task.label_field}' of {where} is no class; "
                "leave out rows whose label is not known or not public"
            )
        return int(value in detected)

    @cached_property
    def _classes(self) -> Classify:
        return Classify(self.task)

    def array(self, labels: Sequence[Any]) -> Labels:
        """Return int64 classes."""
        return np.asarray(labels, dtype=np.int64)

    @property
    def described(self) -> str:
        """That it is a yes or no."""
        return "one class or not"

    def groups(self, labels: Labels) -> Labels:
        """Return the labels: small training sets hold both."""
        return labels

    def other_classes(self, labels: Labels, draws: Values) -> Labels:
        """Return the other class of each label."""
        others: Labels = 1 - labels
        return others

    def floor(self, train: Examples, examples: Examples) -> Values:
        """Return the share of 1 in ``train``, for all: no order at all."""
        return np.full(len(examples), float(np.mean(train.labels)))

    def find_collapse(self, labels: Labels, predictions: Values) -> str:
        """Return "constant prediction" where all scores are the same up to `SAME`."""
        is_constant = float(np.ptp(predictions)) < SAME and len(set(labels.tolist())) > 1
        return "constant prediction" if is_constant else ""

    def learner(self, train: Examples) -> "Odds":
        """Return the two classes for cross-entropy."""
        return Odds(self.task, train.labels)

    def fit_linear(
        self, features: Any, labels: Labels, penalties: Sequence[float], max_iter: int
    ) -> Iterator[tuple[Predict, bool]]:
        """Yield logistic regressions that give log-odds.

        Raises:
            DataError: the training labels are all the same.
        """
        if len(set(labels.tolist())) < 2:
            raise DataError(
                f"the {len(labels)} training examples of task '{self.task.name}' are all "
                f"'{self.task.label_names[labels[0]]}'; a detector needs both classes: raise the "
                "train size"
            )
        yield from fit_log_odds(features, labels, penalties, max_iter)


class Odds(Classes):
    """Two outputs and cross-entropy, as of two classes; their difference is the score."""

    def decode(self, outputs: "Tensor", texts: "TokenSet") -> Values:
        """Return log-odds, float64."""
        odds: Values = (outputs[:, 1] - outputs[:, 0]).double().cpu().numpy()
        return odds
