"""BERT's masked language model, with the vocabulary head at predicted positions only."""

from typing import Any

from mae_bench.costs import Flops, StepShape
from mae_bench.draws import Draws
from mae_bench.masking import check_masking, mean_flops, num_hidden
from mae_bench.model.vocabulary import VocabularyHead
from mae_bench.objectives.base import OBJECTIVES, Block, LossOutput, Objective, Trial, View
from mae_bench.objectives.targets import MaskingOptions, at_targets, masked_view
from mae_bench.specs import BackboneSpec


@OBJECTIVES.register("mlm")
class MaskedLanguageModel(Objective):
    """Predict hidden tokens from a row in which most of them are replaced by [MASK]."""

    name = "mlm"
    summary = "predict hidden tokens; the encoder sees [MASK] in their place"
    source = "Devlin et al. 2019, arXiv:1810.04805"
    predicts_tokens = True

    class Options(MaskingOptions):
        """mask_ratio .15 with 80/10/10, BERT's."""

    def build(self, teacher: object) -> None:
        """Make the vocabulary head, tied to the input embedding."""
        width = self.backbone.width
        self.head = VocabularyHead(width, width, self.backbone.vocab_size)

    def corrupt(self, block: Block, draws: Draws) -> View:
        """Hide mask_ratio of each row."""
        return masked_view(block, draws, self.options, self.backbone.vocab_size, self.lexicon)

    def forward(self, view: View) -> LossOutput:
        """Return the cross-entropy at the hidden positions."""
        hidden = self.backbone(view.input_ids, view.positions, view.is_pad)
        features, targets = at_targets(hidden, view)
        weight = self.backbone.embedding.weight
        loss = self.head.loss(features, weight, targets)
        metrics = {}
        if not self.training:
            metrics["accuracy"] = self.head.accuracy(features, weight, targets)
        return LossOutput(loss, len(targets), metrics)

    @classmethod
    def flops_per_step(cls, options: Options, shape: StepShape) -> Flops:
        """Encoder over whole rows, head at the hidden positions."""

        def price(ratio: float) -> Flops:
            predicted = shape.rows * num_hidden(shape.row_length, ratio)
            return Flops(encoder=shape.encoder(), head=shape.head(predicted))

        return mean_flops(options.mask_ratio, price)

    @classmethod
    def check(cls, options: Options, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError where a row would hide nothing or everything."""
        check_masking(options.mask_ratio, options.masking, row_length)

    @classmethod
    def search_space(cls, trial: Trial) -> dict[str, Any]:
        """The mask ratio."""
        return {"mask_ratio": trial.suggest_float("mask_ratio", 0.1, 0.6, step=0.05)}
