"""Left-to-right language modelling: every token is predicted from those before it."""

from dataclasses import replace

from mae_bench.backbones import architecture_of, names_with_attention
from mae_bench.costs import Flops, StepShape
from mae_bench.draws import Draws
from mae_bench.errors import SpecError
from mae_bench.model.token_guess import TokenGuess
from mae_bench.model.vocabulary import VocabularyHead
from mae_bench.objectives.base import (
    OBJECTIVES,
    Block,
    Controls,
    LossOutput,
    Objective,
    Provisions,
    Scorer,
    View,
)
from mae_bench.objectives.targets import (
    all_positions,
    at_targets,
    before,
    text_targets,
    token_loss,
)
from mae_bench.specs import BackboneSpec, Frozen


@OBJECTIVES.register("causal")
class CausalLanguageModel(Objective["CausalLanguageModel.Options"]):
    """Predict every token of a row but [SEP], which an mlm does not predict either.

    Differs from the paper: encoder layers under a causal mask, and a head as mlm's.
    """

    name = "causal"
    summary = "predict each token from those before it, under a causal mask"
    source = (
        "Radford et al. 2018, Improving Language Understanding by Generative Pre-Training; "
        "beside masking Gisserot-Boukhlef et al. 2025, arXiv:2507.00994"
    )
    why_not_recorded = why_not_batched = ""
    predicts_tokens = True

    class Options(Frozen):
        """The mask is lifted after pretraining.

        Attributes:
            keep_mask: whether the encoder reads from left to right in fine-tunes and probes too;
                written into its config as ``is_causal_encoder``, which mae-bench reads and
                transformers alone does not.
        """

        keep_mask: bool = False

    def build(self, teacher: object) -> None:
        """Make the vocabulary head, tied to the input embedding; mark what stays causal."""
        width = self.backbone.width
        self.head = VocabularyHead(width, width, self.backbone.vocab_size, seed=self.seed)
        if self.options.keep_mask:
            self.backbone.config.is_causal_encoder = True

    def corrupt(self, block: Block, draws: Draws) -> View:
        """Return the row as it is; its tokens are the targets."""
        positions, ids, is_target = text_targets(block)
        return View(
            input_ids=block.ids,
            positions=all_positions(block.ids),
            is_pad=block.is_pad,
            target_positions=positions,
            target_ids=ids,
            is_target=is_target,
        )

    def forward(self, view: View) -> LossOutput:
        """Return the cross-entropy of each token, read one position before it."""
        return token_loss(self.guess_tokens(view), view, is_training=self.training)

    def guess_tokens(self, view: View) -> TokenGuess:
        """Guess each token after those before it."""
        hidden = self.backbone(view.input_ids, view.positions, view.is_pad, is_causal=True)
        features, targets = at_targets(hidden, before(view))
        return TokenGuess(self.head, features, self.backbone.embedding.weight, targets)

    @classmethod
    def flops_per_step(cls, options: Options, shape: StepShape) -> Flops:
        """Encoder over whole rows, head at all their tokens.

        Attention costs as much as without the mask: the scores that it hides are computed.
        """
        predicted = shape.rows * (shape.row_length - 2)
        return Flops(encoder=shape.encoder(), head=shape.head(predicted))

    @classmethod
    def check(cls, options: Options, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError for a backbone without attention, which has no mask."""
        if not architecture_of(spec).has_attention:
            raise SpecError(
                f"objective 'causal' needs attention, backbone.arch '{spec.arch}' has none; "
                f"choose {names_with_attention()}"
            )

    @classmethod
    def provides(cls, options: Options) -> Provisions:
        """Each token is shown, one position after the one that predicts it."""
        scorer = Scorer(cls.name, options.canonical(), is_left_to_right=True)
        return replace(
            super().provides(options), shows_targets=True, scorer=scorer, places=(1.0, 0.0, 0.0)
        )

    @classmethod
    def controls(cls, options: Options) -> Controls:
        """The same pretraining with the mask treated the other way, and an mlm."""
        if options.keep_mask:
            return {"mask lifted": (cls.name, {}), "mlm": ("mlm", {})}
        return {"mask kept": (cls.name, {"keep_mask": True}), "mlm": ("mlm", {})}
