"""What a checkpoint is asked for tokens by, whoever made it.

Legend: B rows, L their length, M hidden tokens of a row, N tokens that are asked for (B x M, or all
of a text from left to right), V vocabulary size.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from torch import Tensor

from mae_bench.specs import Precision
from mae_bench.training.batching import check_length, load_tokenizer
from mae_bench.training.operations import OperationCount


class TokenHead(ABC):
    """A checkpoint that says which token stands somewhere, and its tokenizer.

    Attributes:
        name: of it, for messages.
        is_left_to_right: whether it names each token from those before it, and not a hidden one.
        tokenizer: beside the checkpoint.
        before: ids that stand before a text.
        after: ids that stand after it.
    """

    name: str
    is_left_to_right: bool
    tokenizer: Any
    before: tuple[int, ...]
    after: tuple[int, ...]

    def __init__(
        self, checkpoint: Path, config: Any, *, precision: Precision, device: str, max_length: int
    ) -> None:
        """Check the encoder's positions and read the tokenizer.

        Raises:
            SpecError: the encoder has too few positions, or there is no tokenizer.
        """
        check_length(max_length, config)
        self.tokenizer = load_tokenizer(checkpoint)
        self._precision, self._device = precision, device
        self._readings = OperationCount(config)
        self._further = 0.0  # operations that are no reading of the encoder

    @property
    def num_framing(self) -> int:
        """Tokens of a row that are not the text's."""
        return len(self.before) + len(self.after)

    @property
    def flops(self) -> float | None:
        """Operations so far; None where what the encoder costs is unknown."""
        read = self._readings.total
        return None if read is None else read + self._further

    @abstractmethod
    def score(self, ids: Tensor, hidden: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return [N] the log-probability of tokens, and whether each is the likeliest.

        Args:
            ids: [B, L] rows in their frame, without padding.
            hidden: [B, M] positions that are hidden, ascending, and asked for; None from left to
                right, where every token of the text is.
        """

    @abstractmethod
    def logits(self, ids: Tensor, hidden: Tensor) -> Tensor:
        """Return [N, V] logits in float32 at the hidden positions; not from left to right.

        Raises:
            SpecError: it cannot be told which tokens to name.
        """
