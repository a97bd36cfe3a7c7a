"""What kinds of task must offer to be read without training, or by nearest neighbours.

Legend: N examples, M texts, C candidates, D features of a vector.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mae_bench.tasks.base import Examples, Labels
from mae_bench.tasks.kinds.base import LinearKind, TaskKind
from mae_bench.tasks.metrics import Values

Rows = Any  # vectors [M, D], an array or a sparse matrix
Vectors = Callable[[Sequence[str]], Rows]
Score = Callable[[Sequence[str]], Values]  # N queries -> scores [N, C] of candidates
Index = Callable[[Sequence[str]], Score]  # C candidates -> what scores them


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


class CandidateKind(CosineKind):
    """A kind whose predictions follow from one score of each query and candidate."""

    @abstractmethod
    def by_scores(self, examples: Examples, index: Index) -> Values:
        """Return predictions [N]; the candidates are indexed once."""


class ClozeKind(ZeroShotKind):
    """A kind whose labels are words that can fill the gap of a prompt: classes."""


class FewShotKind(LinearKind):
    """A kind of which a training set can hold so many examples of each class."""

    @abstractmethod
    def groups(self, labels: Labels) -> Labels:
        """Return [N] the class of each label."""


class NeighbourKind(TaskKind):
    """A kind that nearest neighbours can vote on."""

    @abstractmethod
    def vote(self, labels: Labels, weights: Values) -> Values:
        """Return predictions [M].

        Args:
            labels: [M, k] of the neighbours of M texts, the nearest first.
            weights: [M, k] above 0, of their votes.
        """


def cosines(a: Rows, b: Rows) -> Values:
    """Return [M] cosines of pairs of rows [M, D], dense or sparse; 0 beside a row of zeros."""
    from scipy.sparse import issparse

    a, b = unit_rows(a), unit_rows(b)
    products = a.multiply(b) if issparse(a) else a * b
    return np.asarray(products.sum(axis=1), dtype=np.float64).reshape(-1)


def unit_rows(vectors: Rows) -> Rows:
    """Return rows [M, D] of length 1, dense or sparse; those of zeros stay."""
    from sklearn.preprocessing import normalize

    return normalize(vectors)
