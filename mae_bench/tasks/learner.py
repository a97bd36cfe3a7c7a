"""How the labels of one training set are learned: head, loss, and what outputs say.

Legend: N examples, R rows that they are laid out as, B batch, S padded length of a batch, D hidden
size.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from mae_bench.tasks.base import Labels, Task
from mae_bench.tasks.metrics import Values

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mae_bench.training.batching import TokenSet


class Learner(ABC):
    """The labels of one training set as a model learns them.

    Attributes:
        constant_losses: [N] loss of each training example under the best prediction that reads no
            text. A fine-tune that ends above their mean is marked as untrained; zeros leave that
            open.
    """

    constant_losses: Values

    def losses_of_constant(self, targets: "Tensor", texts: "TokenSet") -> Values:
        """Return [R] the constant's loss of each row that the training examples were laid out as.

        By default a row is an example.
        """
        return self.constant_losses

    @abstractmethod
    def head(self, width: int, *, dropout: float, seed: int) -> "nn.Module":
        """Return a new head, called with hidden vectors [B, S, D] and ``is_pad`` [B, S] or None.

        It gives float32 outputs [B, ...]. Its weights depend on the task and the seed alone, never
        on the encoder (`mae_bench.model.heads.build_linear`).

        Args:
            width: D.
            dropout: of the head.
            seed: of the fine-tune.
        """

    @abstractmethod
    def output_shape(self, longest: int) -> tuple[int, ...]:
        """Return the shape of one row's outputs, where the longest text has that many tokens.

        Outputs of a batch may be shorter in their second dimension; the rest is then 0.
        """

    @abstractmethod
    def encode(self, labels: Labels, texts: "TokenSet") -> "Tensor":
        """Return [R, ...] what the loss compares with, on the device of the texts.

        There is one a row of ``texts``: an example, or a part of a long one.
        """

    @abstractmethod
    def loss(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """Return the mean loss of a batch: outputs [B, ...] against its rows of the targets."""

    @abstractmethod
    def decode(self, outputs: "Tensor", texts: "TokenSet") -> Values:
        """Return predictions [N] of the examples, in the form that the metrics compare.

        Args:
            outputs: [R, ...], one a row.
            texts: as they were laid out.
        """


class PooledLearner(Learner):
    """A learner of labels of whole texts: each text gets so many outputs."""

    def __init__(self, task: Task, num_outputs: int) -> None:
        """Keep the task, whose name draws the head's weights, and the number of outputs."""
        self.task = task
        self.num_outputs = num_outputs

    def head(self, width: int, *, dropout: float, seed: int) -> "nn.Module":
        """Return pooling and a linear layer."""
        from mae_bench.model.heads import PooledHead

        return PooledHead(
            width, self.num_outputs, dropout=dropout, task=self.task.trained_as, seed=seed
        )

    def output_shape(self, longest: int) -> tuple[int, ...]:
        """Return the number of outputs."""
        return (self.num_outputs,)


class TokenLearner(Learner):
    """A learner of labels of parts of texts: each token gets so many outputs."""

    def __init__(self, task: Task, num_outputs: int) -> None:
        """Keep the task, whose name draws the head's weights, and the outputs of a token."""
        self.task = task
        self.num_outputs = num_outputs

    def head(self, width: int, *, dropout: float, seed: int) -> "nn.Module":
        """Return a linear layer on every token."""
        from mae_bench.model.heads import TokenHead

        return TokenHead(
            width, self.num_outputs, dropout=dropout, task=self.task.trained_as, seed=seed
        )

    def output_shape(self, longest: int) -> tuple[int, ...]:
        """Return S and the outputs of a token."""
        return longest, self.num_outputs
