"""The interface of kinds with one label for each word, which protocols of words call.

Legend: N examples, W words of all of them, M words that an encoder read, D hidden size.
"""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from mae_bench.tasks.base import Examples, Labels
from mae_bench.tasks.kinds.base import FinetuneKind, Predict
from mae_bench.tasks.metrics import Values

if TYPE_CHECKING:
    from mae_bench.training.word_tokens import WordTokens


@dataclass(frozen=True)
class WordVectors:
    """The vectors of the words of N examples.

    Attributes:
        vectors: [M, D] of the words that were read, one example after the other; an array, or what
            lies on a device, as `LinearKind.fit_linear` takes it.
        is_read: for each example, whether each of its words was.
    """

    vectors: Any
    is_read: list[Values]


class WordKind(FinetuneKind):
    """A kind whose texts are words (`has_words`) and whose labels are lists, one element a word.

    Attributes:
        fits_on_device: as of `LinearKind`, of the vectors of words.
    """

    has_words = True
    fits_on_device: ClassVar[bool] = False

    @abstractmethod
    def unread(self, train: Labels) -> Any:
        """Return the label of a word that nothing is known of: cut off, or never seen."""

    @abstractmethod
    def lay_out(
        self, tokenizer: Any, examples: Examples, *, max_length: int, vocab_size: int, device: str
    ) -> "WordTokens":
        """Return examples as a model reads them, with the place of each word."""

    @abstractmethod
    def fit_linear(
        self, features: WordVectors, labels: Labels, penalties: Sequence[float], max_iter: int
    ) -> Iterable[tuple[Predict, bool]]:
        """Return a linear model for each inverse penalty C, and whether its solver converged.

        Args:
            features: of the training examples; models take those of others.
            labels: [N].
            penalties: ascending.
            max_iter: of an iterative solver.

        Raises:
            DataError: the labels leave nothing to fit.
        """
