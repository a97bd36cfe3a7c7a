"""Token classification: which tokens of a row were shuffled, or replaced by random ones?"""

from collections.abc import Mapping
from dataclasses import replace as changed
from typing import Literal

import torch
from torch import Tensor, nn

from mae_bench.costs import TRAIN, Flops, StepShape
from mae_bench.draws import Draws
from mae_bench.errors import SpecError
from mae_bench.masking import (
    RANDOM,
    Masking,
    MaskRatio,
    check_masking,
    extremes,
    hide,
    num_hidden,
    replace,
)
from mae_bench.model.means import IGNORED, cross_entropy
from mae_bench.objectives.base import (
    OBJECTIVES,
    Block,
    Controls,
    LossOutput,
    Objective,
    Provisions,
    Trial,
    View,
)
from mae_bench.objectives.targets import (
    all_positions,
    number_of,
    padding,
    real,
)
from mae_bench.objectives.views import is_hidden, permute
from mae_bench.specs import BackboneSpec, Frozen

OWN, SHUFFLED, RANDOM_TOKEN = 0, 1, 2  # classes; with one corruption, 0 and 1
LEAST = {"shuffle": 2, "random": 1, "both": 3}  # corrupted tokens that show every class


@OBJECTIVES.register("random_token_classification")
class RandomTokenClassification(Objective["RandomTokenClassification.Options"]):
    """Tell corrupted tokens from a row's own, at every position that is not padding.

    Differs from the paper: a token that a corruption left as it was counts as the row's own;
    shuffled tokens change places among themselves, where the published code draws them from the
    whole row; ``both`` shares the ratio, half for each corruption, where the paper gives each its
    own; and exactly the ratio is corrupted in every row.
    """

    name = "random_token_classification"
    summary = "tell shuffled or randomly replaced tokens from a row's own"
    source = "Yamaguchi et al. 2021, arXiv:2109.01819 (Random, Shuffle, Shuffle + Random)"
    why_not_recorded = why_not_batched = ""

    class Options(Frozen):
        """Random replacement of 15%, the paper's share.

        Attributes:
            corruption: ``shuffle`` and ``random`` have two classes, ``both`` has three.
            mask_ratio: share of the tokens that is corrupted.
            masking: which ones.
        """

        corruption: Literal["shuffle", "random", "both"] = "random"
        mask_ratio: MaskRatio = 0.15
        masking: Masking = RANDOM

        @property
        def num_classes(self) -> int:
            """Two classes, or three where the two corruptions are separate classes."""
            return 3 if self.corruption == "both" else 2

    def build(self, teacher: object) -> None:
        """Make the linear layer, as the paper's."""
        with self.own_start("classes"):
            self.head = nn.Linear(self.backbone.width, self.options.num_classes)

    def corrupt(self, block: Block, draws: Draws) -> View:
        """Corrupt mask_ratio of each row; the targets are classes at all positions."""
        options, length = self.options, block.ids.shape[1]
        hidden = hide(block, draws, options.mask_ratio, options.masking, self.lexicon)
        is_corrupted = is_hidden(hidden, block.ids)
        is_random = _random_ones(is_corrupted, draws, options.corruption)
        drawn = replace(
            block.ids, hidden, draws.uniform("how", length), draws.uniform("what", length),
            shares=(0.0, 1.0, 0.0), vocab_size=self.backbone.vocab_size,
        )  # fmt: skip
        moved = permute(block.ids, is_corrupted & ~is_random, draws.uniform("order", length))
        seen = torch.where(is_random, drawn, moved)
        classes = torch.where(is_random, RANDOM_TOKEN, SHUFFLED).clamp(max=options.num_classes - 1)
        classes = torch.where(seen == block.ids, OWN, classes)
        return View(seen, all_positions(seen), block.is_pad, target_ids=classes)

    def forward(self, view: View) -> LossOutput:
        """Return the cross-entropy over the classes, [CLS] and [SEP] included."""
        assert view.target_ids is not None
        hidden = self.backbone(view.input_ids, view.positions, view.is_pad)
        logits, classes = real(self.head(hidden).float(), view), real(view.target_ids, view)
        if (is_pad := padding(view)) is not None:
            classes = classes.masked_fill(is_pad, IGNORED)
        number = number_of(classes, is_pad)
        metrics = {}
        if not self.training:
            metrics["accuracy"] = (logits.argmax(-1) == classes).float().mean()
        return LossOutput(cross_entropy(logits, classes, number), number, metrics)

    @classmethod
    def flops_per_step(cls, options: Options, shape: StepShape) -> Flops:
        """Encoder and linear layer over whole rows, whatever the ratio."""
        head = float(TRAIN * 2 * shape.tokens * shape.backbone.width * options.num_classes)
        return Flops(encoder=shape.encoder(), head=head)

    @classmethod
    def check(cls, options: Options, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError where a full row could not show every class."""
        check_masking(options.mask_ratio, options.masking, row_length)
        least, count = (
            LEAST[options.corruption],
            num_hidden(row_length, extremes(options.mask_ratio)[0]),
        )
        if count < least:
            raise SpecError(
                f"mask_ratio {extremes(options.mask_ratio)[0]:g} corrupts {count} of the tokens in "
                f"a row of {row_length}; corruption '{options.corruption}' needs at least {least}: "
                "raise mask_ratio or corpus.row_length"
            )

    @classmethod
    def provides(cls, options: Options) -> Provisions:
        """Shuffled tokens stand at each other's positions."""
        return changed(super().provides(options), moves_tokens=True)

    @classmethod
    def search_space(cls, trial: Trial) -> Mapping[str, object]:
        """The share that is corrupted."""
        return {"mask_ratio": trial.suggest_float("mask_ratio", 0.1, 0.5, step=0.05)}

    @classmethod
    def controls(cls, options: Options) -> Controls:
        """The same corruption with the token itself to be predicted, where there is such an arm."""
        same = options.canonical()
        corruption = same.pop("corruption", "random")
        if corruption == "shuffle":
            return {"deshuffle": ("deshuffle", same)}
        shares = {"mask_share": 0.0, "random_share": 1.0, "keep_share": 0.0}
        return {"mlm, random tokens": ("mlm", same | shares)}


def _random_ones(is_corrupted: Tensor, draws: Draws, corruption: str) -> Tensor:
    """Return [B, L], which corrupted tokens are replaced: all, none, or half rounded down."""
    if corruption == "random":
        return is_corrupted
    if corruption == "shuffle":
        return torch.zeros_like(is_corrupted)
    kind = draws.uniform("kind", is_corrupted.shape[1]).masked_fill(~is_corrupted, torch.inf)
    rank = torch.argsort(torch.argsort(kind, dim=1, stable=True), dim=1, stable=True)
    return is_corrupted & (rank < is_corrupted.sum(1, keepdim=True) // 2)
