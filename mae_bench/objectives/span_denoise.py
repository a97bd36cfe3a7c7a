"""T5's span corruption: spans are dropped from a row, and a small decoder writes them down."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from mae_bench.costs import TRAIN, Flops, StepShape
from mae_bench.draws import Draws
from mae_bench.errors import SpecError
from mae_bench.masking import MASK_ID, MaskRatio, extremes, mean_flops, ratio_at
from mae_bench.masking.spans import drop_spans, num_spans
from mae_bench.model.sequence_decoder import SequenceDecoder, sequence_forward
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
from mae_bench.objectives.targets import all_positions, labels_of, predicted, token_loss
from mae_bench.specs import BackboneSpec, Frozen


@OBJECTIVES.register("span_denoise")
class SpanDenoising(Objective["SpanDenoising.Options"]):
    """Encode a row with one [MASK] for each dropped span; decode the spans from left to right.

    What is predicted, and counted, is M span tokens and K delimiters a row: after each span the
    [MASK] of the next, after the last [SEP]. The encoder's positions are numbered anew, as in T5:
    original positions would show how long a span was. The decoder is saved and never used again.
    Masking schemes do not apply: they fix how many tokens a row hides, not in how many runs, and
    here the lengths of both inputs hang on the number of spans, which every row must share.
    Differs from T5: all sentinels are [MASK] to the encoder, and their numbers enter the decoder.
    """

    name = "span_denoise"
    summary = "drop spans from the encoder's input; a small causal decoder writes them down"
    source = "Raffel et al. 2020, arXiv:1910.10683"
    why_not_recorded = why_not_batched = ""
    predicts_tokens = True

    class Options(Frozen):
        """15% in spans of 3, T5's; one decoder layer, where T5's is as deep as its encoder.

        Attributes:
            mask_ratio: share of a row's tokens that is dropped.
            mean_length: tokens of a span, on average; a row of M dropped tokens has
                round(M / mean_length) spans, but at most one more than it keeps tokens.
            decoder_layers: of self-attention, cross attention and MLP.
            decoder_width: a multiple of the backbone's head size; None for its width.
        """

        mask_ratio: MaskRatio = 0.15
        mean_length: Annotated[float, Field(ge=1)] = 3.0
        decoder_layers: Annotated[int, Field(ge=1)] = 1
        decoder_width: Annotated[int, Field(ge=1)] | None = None

    def build(self, teacher: object) -> None:
        """Make the decoder and its vocabulary head, tied to the input embedding."""
        width = self.options.decoder_width or self.backbone.width
        with self.own_start("decoder"):
            self.decoder = SequenceDecoder(
                self.spec, layers=self.options.decoder_layers, width=width
            )
        self.head = VocabularyHead(
            width, self.backbone.width, self.backbone.vocab_size, seed=self.seed
        )

    def corrupt(self, block: Block, draws: Draws) -> View:
        """Drop spans; the part ``decoder`` holds the decoder's input and its targets."""
        ratio = ratio_at(self.options.mask_ratio, draws.progress)
        rows = drop_spans(block, draws, ratio, self.options.mean_length)
        decoder = View(
            input_ids=rows.decoder_input,
            positions=all_positions(rows.decoder_input),
            target_ids=rows.answers,
            is_target=rows.is_answer,
        )
        positions = all_positions(rows.shown)
        return View(rows.shown, positions, rows.is_pad, parts={"decoder": decoder})

    def forward(self, view: View) -> LossOutput:
        """Return the cross-entropy of the spans and their delimiters."""
        decoder_view = view.parts["decoder"]
        assert decoder_view.target_ids is not None
        hidden = self.backbone(view.input_ids, view.positions, view.is_pad)
        is_mark = view.input_ids == MASK_ID
        features = self.decoder(
            self.backbone.embedding(decoder_view.input_ids),
            (decoder_view.input_ids == MASK_ID).long().cumsum(1),
            hidden,
            is_mark.long().cumsum(1) * is_mark,
            view.is_pad,
        )
        features = predicted(features, decoder_view)
        targets = labels_of(decoder_view.target_ids, decoder_view)
        guess = TokenGuess(self.head, features, self.backbone.embedding.weight, targets)
        return token_loss(guess, decoder_view, is_training=self.training)

    @classmethod
    def flops_per_step(cls, options: Options, shape: StepShape) -> Flops:
        """Encoder over kept tokens and marks, decoder and head over spans and delimiters."""
        spec = shape.backbone
        width = options.decoder_width or spec.width

        def price(ratio: float) -> Flops:
            dropped, spans = num_spans(shape.row_length, ratio, options.mean_length)
            shown, decoded = shape.row_length - dropped + spans, dropped + spans
            decoder = sequence_forward(
                spec, layers=options.decoder_layers, width=width, length=decoded, memory=shown
            )
            return Flops(
                encoder=shape.encoder(shown),
                decoder=TRAIN * shape.rows * decoder,
                head=shape.head(shape.rows * decoded, width),
            )

        return mean_flops(options.mask_ratio, price)

    @classmethod
    def check(cls, options: Options, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError where nothing or all would be dropped, or for a decoder width."""
        for ratio in extremes(options.mask_ratio):
            num_spans(row_length, ratio, options.mean_length)
        head_size = spec.width // spec.heads
        width = options.decoder_width or spec.width
        if width % head_size:
            raise SpecError(
                f"decoder_width {width} must be a multiple of the backbone's head size "
                f"{head_size} (objective 'span_denoise'); write a multiple, or leave it out"
            )

    @classmethod
    def provides(cls, options: Options) -> Provisions:
        """The encoder's positions are numbered anew."""
        return replace(super().provides(options), moves_tokens=True)

    @classmethod
    def search_space(cls, trial: Trial) -> Mapping[str, object]:
        """Mask ratio and decoder depth."""
        return {
            "mask_ratio": trial.suggest_float("mask_ratio", 0.1, 0.5, step=0.05),
            "decoder_layers": trial.suggest_int("decoder_layers", 1, 2),
        }

    @classmethod
    def controls(cls, options: Options) -> Controls:
        """As many tokens dropped in spans of one, and as many masked one by one."""
        given = options.canonical()
        ratio = {name: value for name, value in given.items() if name == "mask_ratio"}
        controls = {"mlm": ("mlm", ratio)}
        if options.mean_length != 1:
            controls["single tokens"] = (cls.name, {**given, "mean_length": 1.0})
        return controls
