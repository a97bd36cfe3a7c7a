"""BERT's masked language model, with the vocabulary head at predicted positions only."""

from collections.abc import Mapping
from dataclasses import replace as changed
from typing import Literal, Self

from pydantic import model_validator

from mae_bench.backbones import architecture_of, names_with_attention
from mae_bench.costs import TRAIN, Flops, StepShape
from mae_bench.draws import Draws
from mae_bench.errors import SpecError
from mae_bench.masking import (
    MASK_ID,
    RANDOM,
    RatioSchedule,
    check_masking,
    mean_flops,
    num_hidden,
)
from mae_bench.model.copy_gate import CopyGate
from mae_bench.model.token_guess import TokenGuess
from mae_bench.model.vocabulary import VocabularyHead
from mae_bench.objectives.base import (
    OBJECTIVES,
    Block,
    Controls,
    LossOutput,
    Objective,
    Provisions,
    Requirements,
    Scorer,
    Trial,
    View,
    refuse_unread,
)
from mae_bench.objectives.targets import (
    at_targets,
    before,
    encoded_targets,
    filling,
    masked_view,
    number_of,
    text_targets,
    token_loss,
)
from mae_bench.objectives.two_ratios import TwoRatioOptions, two_ratio_view
from mae_bench.specs import BackboneSpec


@OBJECTIVES.register("mlm")
class MaskedLanguageModel(Objective["MaskedLanguageModel.Options"]):
    """Predict hidden tokens from a row in which most of them are replaced by [MASK]."""

    name = "mlm"
    summary = "predict hidden tokens; the encoder sees [MASK] in their place"
    source = "Devlin et al. 2019, arXiv:1810.04805"
    why_not_recorded = why_not_batched = ""
    predicts_tokens = True

    class Options(TwoRatioOptions):
        """mask_ratio .15 with 80/10/10, BERT's.

        Attributes:
            loss_on: ``all`` is ELECTRA's all-tokens MLM (arXiv:2003.10555, section 3.4): every
                token but [CLS] and [SEP] is predicted, by a mixture of the vocabulary and of a
                copy of the token that the encoder sees, weighted by a learned gate. The paper
                replaces by a generator's tokens; here mask_share and random_share choose.
            hides_masks: whether other tokens cannot attend to [MASK], which then takes no part
                in their representation; each [MASK] still sees itself and all other tokens.
            predict_from: the position whose features predict a hidden token: its ``own``, or the
                one ``before`` it, as `causal` predicts (masked next tokens, for a mixture with
                `causal`: Charpentier & Samuel 2024, arXiv:2410.24159).
        """

        loss_on: Literal["masked", "all"] = "masked"
        hides_masks: bool = False
        predict_from: Literal["own", "before"] = "own"

        @property
        def places(self) -> tuple[float, float, float]:
            """Of predicted places, the shares with [MASK], a random token, and the token itself."""
            if self.loss_on == "masked":
                return self.shares
            ratio = self.corrupt_ratio or self.mask_ratio
            ratio = ratio.end if isinstance(ratio, RatioSchedule) else ratio
            mask, random = ratio * self.mask_share, ratio * self.random_share
            return mask, random, 1 - mask - random

        @model_validator(mode="after")
        def _fits(self) -> Self:
            if self.loss_on == "all":
                self._check_all()
            elif self.copies > 1 and self.masking != RANDOM:
                raise ValueError(
                    "predict_ratio above corrupt_ratio deals a row's tokens out among copies one "
                    f"by one, got masking '{self.masking.scheme}'; leave out masking, or lower "
                    "predict_ratio"
                )
            return self

        def _check_all(self) -> None:
            if self.predict_ratio is not None:
                raise ValueError(
                    f"predict_ratio {self.predict_ratio:g} means nothing with loss_on 'all', "
                    "which predicts every token; leave one of them out"
                )
            if self.corrupt_ratio is not None:
                where = "with loss_on 'all' and a corrupt_ratio; leave one of them out"
                refuse_unread(self, ["mask_ratio"], where)
            if self.predict_from == "before":
                raise ValueError(
                    "predict_from 'before' means nothing with loss_on 'all', which copies the "
                    "token seen at the position itself; leave one of them out"
                )

    def build(self, teacher: object) -> None:
        """Make the vocabulary head, tied to the input embedding, and the gate of copies."""
        width = self.backbone.width
        self.head = VocabularyHead(width, width, self.backbone.vocab_size, seed=self.seed)
        if self.options.loss_on == "all":
            with self.own_start("copy gate"):
                self.copy = CopyGate(width)

    def corrupt(self, block: Block, draws: Draws) -> View:
        """Hide mask_ratio of each row; copies of rows stand in B..2B-1 and so on."""
        options, vocab_size = self.options, self.backbone.vocab_size
        if options.loss_on == "all":
            ratio = options.corrupt_ratio or options.mask_ratio
            whole = options.model_copy(update={"mask_ratio": ratio})
            view = masked_view(block, draws, whole, vocab_size, self.lexicon)
            positions, ids, is_target = text_targets(block)
            return changed(view, target_positions=positions, target_ids=ids, is_target=is_target)
        if not options.has_two_ratios:
            return masked_view(block, draws, options, vocab_size, self.lexicon)
        return two_ratio_view(block, draws, options, vocab_size, self.lexicon)

    def forward(self, view: View) -> LossOutput:
        """Return the cross-entropy of the predicted tokens."""
        guess = self.guess_tokens(view)
        if self.options.loss_on == "all":
            given = at_targets(view.input_ids[..., None], view)[0][:, 0]
            number = number_of(guess.targets, filling(view))
            loss = self.copy.loss(
                guess.features,
                self.head,
                guess.embedding,
                targets=guess.targets,
                given=given,
                number=number,
            )
            return LossOutput(loss, number)
        return token_loss(guess, view, is_training=self.training)

    def guess_tokens(self, view: View) -> TokenGuess:
        """Ask the vocabulary head alone, without the gate of copies."""
        is_unseen = view.input_ids == MASK_ID if self.options.hides_masks else None
        at = before(view) if self.options.predict_from == "before" else view
        features, targets = encoded_targets(self.backbone, at, is_unseen)
        return TokenGuess(self.head, features, self.backbone.embedding.weight, targets)

    @classmethod
    def flops_per_step(cls, options: Options, shape: StepShape) -> Flops:
        """Encoder over whole rows, once for each copy; head at the predicted positions."""
        rows, length = shape.rows, shape.row_length
        if options.loss_on == "all":
            predicted = rows * (length - 2)
            gate = float(TRAIN * predicted * 2 * shape.backbone.width)
            return Flops(encoder=shape.encoder(), head=shape.head(predicted) + gate)
        if options.has_two_ratios:
            passes = options.copies * rows
            head = shape.head(passes * options.num_predicted(length))
            return Flops(encoder=shape.encoder(rows=passes), head=head)

        def price(ratio: float) -> Flops:
            predicted = rows * num_hidden(length, ratio)
            return Flops(encoder=shape.encoder(), head=shape.head(predicted))

        return mean_flops(options.mask_ratio, price)

    @classmethod
    def check(cls, options: Options, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError where a row would hide nothing or everything."""
        check_masking(options.corrupt_ratio or options.mask_ratio, options.masking, row_length)
        if options.hides_masks and not architecture_of(spec).has_attention:
            raise SpecError(
                f"hides_masks needs attention, backbone.arch '{spec.arch}' has none; "
                f"choose {names_with_attention()}, or leave it out"
            )
        if options.loss_on == "all" or not options.has_two_ratios:
            return
        if not options.num_predicted(row_length):
            raise SpecError(
                f"predict_ratio {options.predict_ratio} predicts none of the {row_length - 2} "
                "maskable tokens of a row; raise it, or corpus.row_length"
            )

    @classmethod
    def requires(cls, options: Options) -> Requirements:
        """With two ratios, the fewer of what it replaces and predicts in a copy."""
        requirements = super().requires(options)
        if options.loss_on == "all":
            return changed(requirements, hides=())
        if not options.has_two_ratios:
            return requirements
        least = min(options.corrupted, options.predicted_by_copy)
        return changed(requirements, hides=((least, options.masking),))

    @classmethod
    def provides(cls, options: Options) -> Provisions:
        """No soft head where it names the next token, or the encoder must not see [MASK]."""
        is_plain = options.predict_from == "own" and not options.hides_masks
        return changed(
            super().provides(options),
            soft_head="head" if is_plain else None,
            shows_targets=options.loss_on == "all",
            scorer=Scorer(cls.name, options.canonical()),
            places=options.places,
        )

    @classmethod
    def search_space(cls, trial: Trial) -> Mapping[str, object]:
        """The mask ratio."""
        return {"mask_ratio": trial.suggest_float("mask_ratio", 0.1, 0.6, step=0.05)}

    @classmethod
    def controls(cls, options: Options) -> Controls:
        """BERT's ratio, [MASK] hidden from other tokens, prediction at the token's own position."""
        given = options.canonical()
        ratios = ("mask_ratio", "corrupt_ratio", "predict_ratio")
        controls = {}
        plain = {name: value for name, value in given.items() if name not in ratios}
        if plain != given:
            controls["15% masked"] = (cls.name, plain)
        if not options.hides_masks and options.mask_share > 0:
            controls["masks hidden"] = (cls.name, {**given, "hides_masks": True})
        if options.predict_from == "before":
            unshifted = {name: value for name, value in given.items() if name != "predict_from"}
            controls["predicted in place"] = (cls.name, unshifted)
        return controls
