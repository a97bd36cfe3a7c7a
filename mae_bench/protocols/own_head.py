"""A pretraining's own objective, asked for tokens by the head that it trained, decoder and all."""

from pathlib import Path

import torch
from torch import Tensor

from mae_bench.costs import TRAIN, StepShape
from mae_bench.draws import Block, Draws
from mae_bench.errors import SpecError
from mae_bench.masking import CLS_ID, SEP_ID
from mae_bench.objectives.base import Objective, Scorer, View
from mae_bench.protocols.token_head import TokenHead
from mae_bench.specs import Precision
from mae_bench.training.precision import autocast


class OwnHead(TokenHead):
    """A pretrained objective with its own head, decoder and all.

    Scores cost what the objective's training step is priced at, logits what their encoder costs.

    Attributes:
        objective: in evaluation mode.
    """

    def __init__(
        self, checkpoint: Path, objective: Objective, scorer: Scorer, *, precision: Precision,
        device: str, max_length: int,
    ) -> None:  # fmt: skip
        """Take a rebuilt objective."""
        super().__init__(
            checkpoint,
            objective.backbone.config,
            precision=precision,
            device=device,
            max_length=max_length,
        )
        self.objective, self.name = objective, f"objective '{objective.name}'"
        self.is_left_to_right = scorer.is_left_to_right
        self.before, self.after = (CLS_ID,), (SEP_ID,)

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
        self._further += objective.flops_per_step(options, shape).total / TRAIN
