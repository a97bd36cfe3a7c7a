"""Sentence order prediction on halves of a row: which half came first?"""

from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional as F

from mae_bench.costs import TRAIN, Flops, StepShape
from mae_bench.draws import Draws
from mae_bench.masking import NUM_SPECIAL
from mae_bench.objectives.base import (
    OBJECTIVES,
    Block,
    LossOutput,
    Objective,
    Provisions,
    Trial,
    View,
)
from mae_bench.objectives.targets import all_positions
from mae_bench.specs import Frozen, Ratio


@OBJECTIVES.register("swapped_halves")
class SwappedHalves(Objective["SwappedHalves.Options"]):
    """Tell rows whose two halves were swapped from rows in their own order.

    ALBERT swaps two consecutive segments that [SEP] divides; here nothing marks where they meet.
    """

    name = "swapped_halves"
    summary = "tell whether the two halves of a row were swapped"
    source = "after sentence order prediction, Lan et al. 2020, arXiv:1909.11942"

    class Options(Frozen):
        """Options.

        Attributes:
            swapped_ratio: share of the rows whose halves are swapped; ALBERT's half.
        """

        swapped_ratio: Ratio = 0.5

    def build(self, teacher: object) -> None:
        """Make one score from the first position, as ALBERT does."""
        self.head = nn.Linear(self.backbone.width, 1)

    def corrupt(self, block: Block, draws: Draws) -> View:
        """Rotate the text of the chosen rows by half its length; [CLS], [SEP] and padding stay."""
        is_swapped = draws.uniform("swap", 1) < self.options.swapped_ratio
        is_text = block.ids >= NUM_SPECIAL
        lengths = is_text.sum(1, keepdim=True).clamp(min=1)
        position = is_text.cumsum(1) - 1
        moved = (position + torch.where(is_swapped, lengths // 2, 0)) % lengths
        order = torch.argsort(is_text.logical_not().long(), dim=1, stable=True)  # text first
        new = block.ids.gather(1, order.gather(1, moved.clamp(min=0)))
        return View(
            input_ids=torch.where(is_text, new, block.ids),
            positions=all_positions(block.ids),
            is_pad=block.is_pad,
            target_ids=is_swapped.long(),
        )

    def forward(self, view: View) -> LossOutput:
        """Return nats per row."""
        assert view.target_ids is not None
        hidden = self.backbone(view.input_ids, view.positions, view.is_pad)
        scores = self.head(hidden[:, :1]).flatten().float()
        wanted = view.target_ids.flatten()
        loss = F.binary_cross_entropy_with_logits(scores, wanted.float())
        metrics = {}
        if not self.training:
            metrics["accuracy"] = ((scores > 0) == wanted.bool()).float().mean()
        return LossOutput(loss, len(wanted), metrics)

    @classmethod
    def flops_per_step(cls, options: Options, shape: StepShape) -> Flops:
        """Return one pass over whole rows, and a score for each."""
        head = TRAIN * 2.0 * shape.rows * shape.backbone.width
        return Flops(encoder=shape.encoder(), head=head)

    @classmethod
    def provides(cls, options: Options) -> Provisions:
        """Return that tokens stand at other positions than in their row, by design."""
        return replace(super().provides(options), moves_tokens=True)

    @classmethod
    def search_space(cls, trial: Trial) -> dict[str, float]:
        """Return how often rows are swapped."""
        return {"swapped_ratio": trial.suggest_float("swapped_ratio", 0.3, 0.7, step=0.1)}
