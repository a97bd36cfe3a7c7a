"""Linear models of features that lie on a device: solved there, and together.

Beside what `mae_bench.tasks.logistic` and `regress.fit_ridge` do with scikit-learn, which stays the
reference. Plans read this room, so torch is imported where it is needed.

Legend: G tables of features of the same N examples, M other examples, F features, C classes, P
penalties, K rows: C, or 1 of two classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mae_bench.tasks.metrics import Values

if TYPE_CHECKING:
    from torch import Tensor

    from mae_bench.training.rotation import Rotation

Predict = Callable[[Any], Values]


@dataclass(frozen=True)
class DeviceModel:
    """A fitted linear model on its device.

    Attributes:
        table: [K, F + 1] float64 weights, the intercept last.
        classes: [C], ascending; nothing of ridge.
    """

    table: "Tensor"
    classes: Values

    def decision_function(self, features: "Tensor") -> Values:
        """Return scores [M, C] of features [M, F]; of one row of weights [M]."""
        scores: Values = self._scores(features).cpu().numpy()
        return scores

    def predict(self, features: "Tensor") -> Values:
        """Return the class [M] of the highest score."""
        scores = self._scores(features)
        index = (scores > 0).long() if scores.ndim == 1 else scores.argmax(dim=1)
        predicted: Values = self.classes[index.cpu().numpy()]
        return predicted

    def _scores(self, features: "Tensor") -> "Tensor":
        scores = features.to(self.table) @ self.table[:, :-1].T + self.table[:, -1]
        return scores[:, 0] if scores.shape[1] == 1 else scores


class FeatureStack:
    """Tables of features whose models are solved side by side when the first of them is asked for.

    Args:
        tables: [G, N, F] on the device.
    """

    def __init__(self, tables: "Tensor") -> None:
        self.tables = tables
        self._latest: tuple[object, Any] = (None, None)

    @property
    def parts(self) -> list["StackedFeatures"]:
        """The tables one by one, as kinds of task are given them."""
        return [StackedFeatures(self, number) for number in range(len(self.tables))]

    @cached_property
    def rotation(self) -> "Rotation":
        """The features along their principal directions."""
        from mae_bench.training.rotation import Rotation

        return Rotation.of(self.tables)

    def logistic(
        self, labels: Values, penalties: Sequence[float], max_iter: int
    ) -> tuple[Values, "Tensor", Values]:
        """Return the classes, weights [G, T, P, K, F + 1], and [G, T, P] whether they converged.

        Args:
            labels: [N, T] of T targets, each of at least two classes, the same ones.
            penalties: P inverse penalties C.
            max_iter: of the solver.
        """
        classes, index = np.unique(labels, return_inverse=True)
        index = index.reshape(labels.shape)
        key = (index.tobytes(), tuple(penalties), max_iter)
        if self._latest[0] != key:
            self._latest = (key, self._logistic(index, len(classes), penalties, max_iter))
        table, is_converged = self._latest[1]
        return classes, table, is_converged

    def _logistic(
        self, index: Values, num_classes: int, penalties: Sequence[float], max_iter: int
    ) -> tuple["Tensor", Values]:
        import torch
        from torch.nn import functional

        from mae_bench.training.newton import solve_logistic

        device, num_targets = self.tables.device, index.shape[1]
        classes = torch.from_numpy(index).to(device)
        if num_classes == 2:
            targets = classes.double().unsqueeze(-1)
        else:
            targets = functional.one_hot(classes, num_classes).double()
        grid = torch.tensor(penalties, dtype=torch.float64, device=device)
        if num_targets > 1:  # one target alone is shared by all penalties
            targets = targets.repeat_interleave(len(penalties), dim=1)
        table, is_converged = solve_logistic(
            self.rotation, targets, grid.repeat(num_targets), max_iter
        )
        shape = (num_targets, len(penalties))
        return table.unflatten(1, shape), is_converged.unflatten(1, shape).cpu().numpy()

    def ridge(self, labels: Values, penalties: Sequence[float]) -> "Tensor":
        """Return weights [G, P, F + 1] of ridge regressions of labels [N]."""
        import torch

        from mae_bench.training.rotation import solve_ridge

        key = (labels.tobytes(), tuple(penalties))
        if self._latest[0] != key:
            device = self.tables.device
            targets = torch.from_numpy(labels.astype(np.float64)).to(device)
            grid = torch.tensor(penalties, dtype=torch.float64, device=device)
            self._latest = (key, solve_ridge(self.rotation, targets, grid))
        table: Tensor = self._latest[1]
        return table


@dataclass(frozen=True)
class StackedFeatures:
    """One table of a stack: what `fit_linear` of a kind is given on a device."""

    stack: FeatureStack
    number: int

    @property
    def shape(self) -> Sequence[int]:
        """Examples and features."""
        return self.stack.tables.shape[1:]

    def logistic(
        self, labels: Values, penalties: Sequence[float], max_iter: int
    ) -> list[list[tuple[DeviceModel, bool]]]:
        """Return for each target, and each penalty, a model and whether its solver converged.

        Args:
            labels: [N, T] of T targets, each of at least two classes, the same ones.
            penalties: P inverse penalties C.
            max_iter: of the solver.
        """
        classes, tables, is_converged = self.stack.logistic(labels, penalties, max_iter)
        return [
            [(DeviceModel(table, classes), is_fine) for table, is_fine in zip(*one, strict=True)]
            for one in zip(tables[self.number], is_converged[self.number].tolist(), strict=True)
        ]

    def ridge(self, labels: Values, penalties: Sequence[float]) -> list[Predict]:
        """Return a ridge regression for each inverse penalty."""
        nothing = np.empty(0)
        tables = self.stack.ridge(labels, penalties)[self.number].unsqueeze(1)
        return [DeviceModel(table, nothing).decision_function for table in tables]
