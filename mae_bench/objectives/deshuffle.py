"""Deshuffling: some tokens of a row change places; the head names what stood there."""

from collections.abc import Mapping
from dataclasses import replace

from mae_bench.costs import Flops, StepShape
from mae_bench.draws import Draws
from mae_bench.errors import SpecError
from mae_bench.masking import (
    RANDOM,
    Masking,
    MaskRatio,
    check_masking,
    extremes,
    hide,
    mean_flops,
    num_hidden,
)
from mae_bench.model.token_guess import TokenGuess
from mae_bench.model.vocabulary import VocabularyHead
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
from mae_bench.objectives.targets import all_positions, at_targets, token_loss
from mae_bench.objectives.views import is_hidden, permute
from mae_bench.specs import BackboneSpec, Frozen


@OBJECTIVES.register("deshuffle")
class Deshuffling(Objective["Deshuffling.Options"]):
    """Predict the original token at every position that took part in the shuffle.

    The encoder sees all of a row's tokens and no sign of which ones moved; a few of them stay by
    chance, as BERT's kept tokens do. Differs from T5, which shuffles whole sequences and writes
    them out with a decoder: here part of the row stands still as context, and an encoder with
    mlm's head predicts each token at its own position.
    """

    name = "deshuffle"
    summary = "some tokens change places; predict what stood there"
    source = "Raffel et al. 2020, arXiv:1910.10683 (deshuffling); shuffles of arXiv:2109.01819"
    why_not_recorded = why_not_batched = ""
    predicts_tokens = True

    class Options(Frozen):
        """15%: as many predictions as mlm, so that only the corruption differs from it.

        It is also the share that Yamaguchi et al. shuffle (arXiv:2109.01819).

        Attributes:
            mask_ratio: share of the tokens that change places.
            masking: which ones.
        """

        mask_ratio: MaskRatio = 0.15
        masking: Masking = RANDOM

    def build(self, teacher: object) -> None:
        """Make the vocabulary head, tied to the input embedding."""
        width = self.backbone.width
        self.head = VocabularyHead(width, width, self.backbone.vocab_size, seed=self.seed)

    def corrupt(self, block: Block, draws: Draws) -> View:
        """Permute mask_ratio of each row's tokens among their positions."""
        options, length = self.options, block.ids.shape[1]
        hidden = hide(block, draws, options.mask_ratio, options.masking, self.lexicon)
        moved = is_hidden(hidden, block.ids)
        return View(
            input_ids=permute(block.ids, moved, draws.uniform("order", length)),
            positions=all_positions(block.ids),
            is_pad=block.is_pad,
            target_positions=hidden.positions,
            target_ids=block.ids.gather(1, hidden.positions),
            is_target=hidden.is_target,
        )

    def forward(self, view: View) -> LossOutput:
        """Return the cross-entropy at the shuffled positions."""
        hidden = self.backbone(view.input_ids, view.positions, view.is_pad)
        features, targets = at_targets(hidden, view)
        guess = TokenGuess(self.head, features, self.backbone.embedding.weight, targets)
        return token_loss(guess, view, is_training=self.training)

    @classmethod
    def flops_per_step(cls, options: Options, shape: StepShape) -> Flops:
        """As mlm: encoder over whole rows, head at the shuffled positions."""

        def price(ratio: float) -> Flops:
            predicted = shape.rows * num_hidden(shape.row_length, ratio)
            return Flops(encoder=shape.encoder(), head=shape.head(predicted))

        return mean_flops(options.mask_ratio, price)

    @classmethod
    def check(cls, options: Options, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError where fewer than two tokens of a full row would change places."""
        check_masking(options.mask_ratio, options.masking, row_length)
        least = extremes(options.mask_ratio)[0]
        if num_hidden(row_length, least) < 2:
            raise SpecError(
                f"mask_ratio {least:g} takes 1 token of a row of {row_length} (objective "
                "'deshuffle'); at least 2 must change places: raise mask_ratio or "
                "corpus.row_length"
            )

    @classmethod
    def provides(cls, options: Options) -> Provisions:
        """A head that predicts at the token's own position, as mlm's; all tokens are shown."""
        return replace(
            super().provides(options), soft_head="head", shows_targets=True, moves_tokens=True
        )

    @classmethod
    def search_space(cls, trial: Trial) -> Mapping[str, object]:
        """The share that changes places."""
        return {"mask_ratio": trial.suggest_float("mask_ratio", 0.1, 0.6, step=0.05)}

    @classmethod
    def controls(cls, options: Options) -> Controls:
        """The same positions with random tokens in them instead of the row's own."""
        shares = {"mask_share": 0.0, "random_share": 1.0, "keep_share": 0.0}
        return {"mlm, random tokens": ("mlm", options.canonical() | shares)}
