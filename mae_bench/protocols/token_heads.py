"""What a checkpoint is asked for tokens by: its own objective, or an outside encoder's head.

Legend: B rows, L their length, M hidden tokens of a row, N tokens that are asked for (B x M, or all
of a text from left to right), V vocabulary size.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mae_bench.costs import TRAIN, StepShape
from mae_bench.draws import Block, Draws
from mae_bench.errors import SpecError
from mae_bench.masking import CLS_ID, SEP_ID
from mae_bench.model.teacher import is_checkpoint
from mae_bench.objectives.base import Objective, Scorer, View
from mae_bench.pretraining.rebuild import rebuild_scorer
from mae_bench.specs import Precision
from mae_bench.training.batching import check_length, load_tokenizer
from mae_bench.training.operations import OperationCount
from mae_bench.training.precision import autocast


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

    @property
    def num_framing(self) -> int:
        """Tokens of a row that are not the text's."""
        return len(self.before) + len(self.after)

    @property
    @abstractmethod
    def flops(self) -> float | None:
        """Operations so far; None where what the encoder costs is unknown."""

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


class OwnHead(TokenHead):
    """A pretrained objective with its own head, decoder and all.

    Attributes:
        objective: in evaluation mode.
    """

    def __init__(
        self, checkpoint: Path, objective: Objective, scorer: Scorer, *, precision: Precision,
        device: str, max_length: int,
    ) -> None:  # fmt: skip
        """Take a rebuilt objective."""
        check_length(max_length, objective.backbone.config)
        self.objective, self.name = objective, f"objective '{objective.name}'"
        self.is_left_to_right = scorer.is_left_to_right
        self.tokenizer = load_tokenizer(checkpoint)
        self.before, self.after = (CLS_ID,), (SEP_ID,)
        self._precision, self._device = precision, device
        self._readings = OperationCount(objective.backbone.config)
        self._scoring = 0.0

    @property
    def flops(self) -> float | None:
        """Of scores by the prices of the objective's training step, of logits in the encoder."""
        read = self._readings.total
        return None if read is None else read + self._scoring

    def score(self, ids: Tensor, hidden: Tensor | None) -> tuple[Tensor, Tensor]:
        """Ask the objective."""
        with torch.inference_mode(), autocast(self._device, self._precision):
            scores, is_best = self.objective.score_tokens(self._view(ids, hidden))
        self._count(ids, len(scores) // len(ids))
        return scores, is_best

    def logits(self, ids: Tensor, hidden: Tensor) -> Tensor:
        """Ask the objective."""
        with torch.inference_mode(), autocast(self._device, self._precision):
            view = self._view(ids, hidden)
            logits = self._asked(view)
        self._readings.add_reading(view.input_ids.shape)
        if len(logits) != hidden.numel():
            raise self._cannot()
        return logits.float()

    def _asked(self, view: View) -> Tensor:
        try:
            return self.objective.token_logits(view)
        except NotImplementedError as error:
            raise self._cannot() from error

    def _cannot(self) -> SpecError:
        return SpecError(
            f"{self.name} predicts something else than the hidden tokens that it is asked for; "
            "take an arm that predicts hidden tokens, or another protocol"
        )

    def _view(self, ids: Tensor, hidden: Tensor | None) -> View:
        rows = torch.zeros(len(ids), dtype=torch.int64, device=self._device)
        return self.objective.corrupt(Block(ids), Draws(0, 0, rows, progress=1.0, hidden=hidden))

    def _count(self, ids: Tensor, num_asked: int) -> None:
        objective = self.objective
        # a price is of rows that hide something and keep something
        length = max(ids.shape[1], 4)
        ratio = min(num_asked, length - 3) / (length - 2)
        options, known = objective.options, type(objective.options).model_fields
        if "mask_ratio" in known:
            options = options.model_copy(update={"mask_ratio": ratio})
        shape = StepShape(objective.spec, len(ids), length, objective.backbone.vocab_size)
        self._scoring += objective.flops_per_step(options, shape).total / TRAIN


def open_head(
    checkpoint: Path, *, precision: Precision, device: str, max_length: int
) -> TokenHead | None:
    """Return what a checkpoint is asked for tokens by; None where nothing in it names tokens.

    Args:
        checkpoint: of a pretraining of this suite, or any encoder's folder.
        precision: of its passes.
        device: that they run on.
        max_length: tokens of a row, frame included, at most.

    Raises:
        SpecError: the head's weights are in no file, its tokenizer cannot serve, or the encoder
            has too few positions.
    """
    if not is_checkpoint(checkpoint):
        from mae_bench.protocols.outside_head import open_outside_head

        return open_outside_head(
            checkpoint, precision=precision, device=device, max_length=max_length
        )
    rebuilt = rebuild_scorer(checkpoint, device)
    if rebuilt is None:
        return None
    return OwnHead(checkpoint, *rebuilt, precision=precision, device=device, max_length=max_length)
