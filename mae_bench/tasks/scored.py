"""What kinds of task must offer to be judged by the likelihood that a scorer gives to texts.

A scorer is an objective, the head of an encoder from outside, or a count of n-grams.

Legend: N examples, M texts.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mae_bench.tasks.base import Examples
from mae_bench.tasks.kinds.base import TaskKind
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.subsets import content_hash

if TYPE_CHECKING:
    from mae_bench.specs import ScoreRecipe


@dataclass(frozen=True)
class Recovered:
    """Words that a scorer was asked for.

    Attributes:
        hidden: how many.
        right: how many of them it named, every token of each.
        read: words of the texts, hidden or not.
    """

    hidden: int
    right: int
    read: int


class TextScorer(Protocol):
    """What is asked how likely tokens are.

    Attributes:
        is_left_to_right: whether it gives likelihoods, not pseudo-likelihoods, and recovers no
            words.
        unknown: tokens that were scored as [UNK] so far, whatever they stand for.
    """

    is_left_to_right: bool
    unknown: int

    def log_likelihoods(self, texts: Sequence[str]) -> Values:
        """Return [M] the sum over a text's tokens of their log-probability, in nats.

        Texts of the same tokens get the same number, to the bit.
        """

    def recover(self, texts: Sequence[str], ratio: float) -> Recovered:
        """Hide a share of each text's words at once, and count those that are named."""


class ScoredKind(TaskKind):
    """A kind that needs no training: which text is likelier, how likely a text is."""

    needs_label = False

    @abstractmethod
    def sample(self, examples: Examples, recipe: "ScoreRecipe") -> Values:
        """Return the numbers of the examples to read, ascending: by content, the same for all."""

    @abstractmethod
    def judge(
        self, examples: Examples, scorer: TextScorer, recipe: "ScoreRecipe"
    ) -> tuple[Values, Mapping[str, float]]:
        """Return predictions [N], and metrics beyond those of the task."""


def by_content(examples: Examples) -> list[int]:
    """Return the numbers of the examples in the order of a hash of their texts."""
    rows: Iterable[tuple[str, ...]] = zip(*examples.texts, strict=True)
    keys = [content_hash(row) for row in rows]
    return sorted(range(len(keys)), key=keys.__getitem__)


def ascending(numbers: Iterable[int]) -> Values:
    """Return numbers of examples as `Examples.take` reads them."""
    return np.array(sorted(numbers), dtype=np.int64)
