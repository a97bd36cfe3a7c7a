"""First characters: tokens are hidden as in BERT; a small head predicts how each one begins."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from mae_bench.costs import TRAIN, Flops, StepShape
from mae_bench.draws import Draws
from mae_bench.masking import NUM_SPECIAL, Lexicon, check_masking, mean_flops, num_hidden
from mae_bench.model.means import accuracy, cross_entropy
from mae_bench.objectives.base import (
    OBJECTIVES,
    Block,
    Controls,
    LossOutput,
    Objective,
    Requirements,
    Trial,
    View,
)
from mae_bench.objectives.targets import (
    MaskingOptions,
    at_targets,
    filling,
    labels_of,
    masked_view,
    number_of,
)
from mae_bench.specs import BackboneSpec


@OBJECTIVES.register("first_char")
class FirstCharacter(Objective["FirstCharacter.Options"]):
    """Predict the first character of each hidden token; the encoder sees what mlm's sees.

    Differs from the paper, whose 29 classes are the English letters, digits, punctuation and the
    rest: here the corpus' most frequent first characters each have a class, in any script.
    """

    name = "first_char"
    summary = "predict the first character of hidden tokens"
    source = "Yamaguchi et al. 2021, arXiv:2109.01819 (First Char)"
    why_not_recorded = why_not_batched = ""

    class Options(MaskingOptions):
        """mask_ratio .15 with 80/10/10, as mlm.

        Attributes:
            num_classes: the most frequent characters, and one class for all others. 64 hold the
                letters, digits and punctuation of an alphabet without its capitals; a character
                more costs as much as a token more in mlm's head.
        """

        num_classes: Annotated[int, Field(ge=2)] = 64

    char_class: Tensor

    def build(self, teacher: object) -> None:
        """Make the linear layer, as the paper's, and the class of each token."""
        assert self.lexicon is not None
        with self.own_start("classes"):
            self.head = nn.Linear(self.backbone.width, self.options.num_classes)
        classes = char_classes(self.lexicon, self.options.num_classes)
        self.register_buffer("char_class", classes, persistent=False)

    def corrupt(self, block: Block, draws: Draws) -> View:
        """Hide tokens as mlm does; the targets are token ids, of which `forward` takes classes."""
        return masked_view(block, draws, self.options, self.backbone.vocab_size, self.lexicon)

    def forward(self, view: View) -> LossOutput:
        """Return the cross-entropy over first characters at the hidden positions."""
        hidden = self.backbone(view.input_ids, view.positions, view.is_pad)
        logits = self.head(at_targets(hidden, view)[0]).float()
        classes = labels_of(self.char_class[view.target_ids], view)
        number = number_of(classes, filling(view))
        metrics = {}
        if not self.training:
            metrics["accuracy"] = accuracy(logits, classes)
        return LossOutput(cross_entropy(logits, classes, number), number, metrics)

    @classmethod
    def flops_per_step(cls, options: Options, shape: StepShape) -> Flops:
        """Encoder over whole rows, linear layer at the hidden positions."""

        def price(ratio: float) -> Flops:
            predicted = shape.rows * num_hidden(shape.row_length, ratio)
            head = TRAIN * 2 * predicted * shape.backbone.width * options.num_classes
            return Flops(encoder=shape.encoder(), head=float(head))

        return mean_flops(options.mask_ratio, price)

    @classmethod
    def check(cls, options: Options, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError where a row would hide nothing or everything."""
        check_masking(options.mask_ratio, options.masking, row_length)

    @classmethod
    def requires(cls, options: Options) -> Requirements:
        """Always the lexicon: it holds the characters."""
        return replace(super().requires(options), uses_lexicon=True)

    @classmethod
    def search_space(cls, trial: Trial) -> Mapping[str, object]:
        """The mask ratio."""
        return {"mask_ratio": trial.suggest_float("mask_ratio", 0.1, 0.6, step=0.05)}

    @classmethod
    def controls(cls, options: Options) -> Controls:
        """The same rows with the whole token to be predicted."""
        same = {k: v for k, v in options.canonical().items() if k != "num_classes"}
        return {"mlm": ("mlm", same)}


def char_classes(lexicon: Lexicon, num_classes: int) -> Tensor:
    """Return [V] the class of each token: its first character's rank by frequency in the corpus.

    The last class holds all characters that are left; equally frequent ones rank by their number.
    """
    chars, tokens = lexicon.first_char, lexicon.counts.clone()
    tokens[:NUM_SPECIAL] = 0  # in every row, and never hidden
    counts = tokens.new_zeros(lexicon.num_first_chars).index_add(0, chars, tokens)
    rank = torch.argsort(torch.argsort(counts, descending=True, stable=True), stable=True)
    return rank.clamp(max=num_classes - 1)[chars]
