"""What kinds of task must offer to be read without training, or by nearest neighbours.

Legend: N examples, M texts, D features of a vector.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mae_bench.tasks.base import Examples, Labels
from mae_bench.tasks.kinds.base import Predict, TaskKind
from mae_bench.tasks.metrics import Values

Vectors = Callable[[Sequence[str]], Values]  # texts -> [M, D]


class ZeroShotKind(TaskKind):
    """A kind that can be predicted by what was never trained on its labels."""


class CosineKind(ZeroShotKind):
    """A kind whose predictions follow from the cosine of two texts' vectors."""

    def compared_texts(self, examples: Examples) -> list[str]:
        """Return every text whose vector `by_cosine` asks for."""
        return [text for column in examples.texts for text in column]

    @abstractmethod
    def by_cosine(self, examples: Examples, vectors: Vectors) -> Values:
        """Return predictions [N]; ``vectors`` gives those of any of `compared_texts`."""


class ClozeKind(ZeroShotKind):
    """A kind whose labels are words that can fill the gap of a prompt: classes."""


class NeighbourKind(TaskKind):
    """A kind that nearest neighbours can vote on."""

    @abstractmethod
    def fit_neighbours(
        self, features: Values, labels: Labels, num_neighbours: int, weigh: Callable[[Any], Any]
    ) -> Predict:
        """Return a model on features [N, F].

        Args:
            features: of the training examples.
            labels: [N].
            num_neighbours: at most N.
            weigh: cosine distances [..., k] -> the weights of the votes.
        """


def cosines(a: Values, b: Values) -> Values:
    """Return [M] the cosine of each pair of rows [M, D]; 0 where a row is all zeros."""
    paired: Values = (unit_rows(a) * unit_rows(b)).sum(axis=1)
    return paired


def unit_rows(vectors: Values) -> Values:
    """Return rows [M, D] of length 1; those of zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Values = vectors / np.where(lengths == 0, 1.0, lengths)
    return scaled
