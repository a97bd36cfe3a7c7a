"""A masked autoencoder whose decoder gets one vector for each row: a sentence's meaning."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import torch

from mae_bench.costs import Flops, StepShape
from mae_bench.draws import Draws
from mae_bench.masking import (
    MASK_ID,
    RANDOM,
    Masking,
    MaskRatio,
    check_masking,
    hide,
    mean_flops,
    num_hidden,
)
from mae_bench.masking.fills import MASKS, filled
from mae_bench.model.decoder_options import DecoderOptions
from mae_bench.model.heads import Pooling, pool
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
)
from mae_bench.objectives.targets import (
    all_positions,
    labels_of,
    mlm_control,
    predicted,
    token_loss,
)
from mae_bench.seeding import seed_for
from mae_bench.specs import BackboneSpec


@OBJECTIVES.register("mae_bottleneck")
class BottleneckAutoencoder(Objective["BottleneckAutoencoder.Options"]):
    """Encode a lightly masked row into one vector; decode a heavily masked one with its help.

    The decoder reads the sentence vector at the position of [CLS] and the input embeddings of the
    tokens that it keeps, and predicts the others. Its mask is drawn apart from the encoder's, so
    most of what it predicts was read by the encoder, and can come through the vector alone.
    Differs from RetroMAE: no MLM loss on the encoder, and the plain decoder, not the enhanced one
    with a context of its own for each token. TSDAE (Wang et al. 2021, arXiv:2104.06979), which
    deletes tokens as well, generates the whole text from left to right instead.
    """

    name = "mae_bottleneck"
    summary = "one vector for a row helps a weak decoder to predict what it does not see"
    source = "RetroMAE: Xiao et al. 2022, arXiv:2205.12035"
    why_not_recorded = why_not_batched = ""
    predicts_tokens = True

    class Options(DecoderOptions):
        """RetroMAE's ratios, 30% for the encoder and 50% for a decoder of one layer.

        Attributes:
            mask_ratio: hidden from the encoder.
            decoder_mask_ratio: hidden from the decoder, and predicted.
            masking: scheme of both.
            encoder_input: hidden tokens are ``removed``, or ``masked`` by [MASK] as in the paper;
                removed, no [MASK] enters the encoder and it costs less.
            pooling: of the sentence vector: ``mean``, because the fine-tunes pool so, or
                ``cls`` as in the paper.
        """

        mask_ratio: MaskRatio = 0.3
        decoder_mask_ratio: MaskRatio = 0.5
        masking: Masking = RANDOM
        encoder_input: Literal["removed", "masked"] = "removed"
        pooling: Pooling = "mean"

    def build(self, teacher: object) -> None:
        """Make the decoder and the head that reads it."""
        with self.own_start("decoder"):
            self.decoder = self.options.build_decoder(self.spec)
        width = self.options.width(self.spec)
        self.head = VocabularyHead(
            width, self.backbone.width, self.backbone.vocab_size, seed=self.seed
        )

    def corrupt(self, block: Block, draws: Draws) -> View:
        """Hide tokens from the encoder and, by draws of their own, from the decoder.

        The part ``decoder`` holds what the decoder keeps.
        """
        options, ids, is_pad = self.options, block.ids, block.is_pad
        # By one draw the smaller of the two hidden sets would always lie in the larger one.
        apart = replace(draws, seed=seed_for("mask", seed=draws.seed, draw="decoder"))
        hidden = hide(block, draws, options.mask_ratio, options.masking, self.lexicon)
        removed = hide(block, apart, options.decoder_mask_ratio, options.masking, self.lexicon)
        kept = View(
            ids.gather(1, removed.kept),
            removed.kept,
            None if is_pad is None else is_pad.gather(1, removed.kept),
        )
        if options.encoder_input == "masked":
            what = draws.uniform("what", ids.shape[1])
            seen = filled(ids, hidden, what, self.backbone.vocab_size, MASKS)
            positions, seen_pad = all_positions(ids), is_pad
        else:
            seen, positions = ids.gather(1, hidden.kept), hidden.kept
            seen_pad = None if is_pad is None else is_pad.gather(1, hidden.kept)
        return View(
            input_ids=seen,
            positions=positions,
            is_pad=seen_pad,
            target_positions=removed.positions,
            target_ids=ids.gather(1, removed.positions),
            is_target=removed.is_target,
            parts={"decoder": kept},
        )

    def forward(self, view: View) -> LossOutput:
        """Return the cross-entropy at the positions that the decoder does not see."""
        return token_loss(self.guess_tokens(view), view, is_training=self.training)

    def guess_tokens(self, view: View) -> TokenGuess:
        """Ask the decoder, which does not see the tokens."""
        assert view.target_positions is not None and view.target_ids is not None
        embedding, kept = self.backbone.embedding, view.parts["decoder"]
        encoded = self.backbone(view.input_ids, view.positions, view.is_pad)
        sentence = pool(encoded, view.is_pad, self.options.pooling)[:, None]
        tokens = embedding(kept.input_ids)
        decoded = self.decoder.decode_sets(
            torch.cat([sentence.to(tokens.dtype), tokens[:, 1:]], dim=1),  # [CLS] is always kept
            kept.positions,
            kept.is_pad,
            (view.target_positions, view.is_target),
            embedding.weight[MASK_ID],
            None,
        )
        features, targets = predicted(decoded, view), labels_of(view.target_ids, view)
        return TokenGuess(self.head, features, embedding.weight, targets)

    @classmethod
    def flops_per_step(cls, options: Options, shape: StepShape) -> Flops:
        """Encoder over what it sees, decoder over whole rows, head at what that does not see."""
        spec, rows, length = shape.backbone, shape.rows, shape.row_length

        def encoding(ratio: float) -> Flops:
            is_short = options.encoder_input == "removed"
            return Flops(encoder=shape.encoder(length - is_short * num_hidden(length, ratio)))

        def decoding(ratio: float) -> Flops:
            removed = num_hidden(length, ratio)
            decoder = options.decoder_flops(spec, rows, length, removed)
            return Flops(decoder=decoder, head=shape.head(rows * removed, options.width(spec)))

        return mean_flops(options.mask_ratio, encoding) + mean_flops(
            options.decoder_mask_ratio, decoding
        )

    @classmethod
    def check(cls, options: Options, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError for an impossible mask count or decoder."""
        check_masking(options.mask_ratio, options.masking, row_length)
        check_masking(options.decoder_mask_ratio, options.masking, row_length)
        options.check_decoder(spec, cls.name)

    @classmethod
    def requires(cls, options: Options) -> Requirements:
        """A token hidden from the decoder, which predicts it."""
        hidden = options.decoder_mask_ratio, options.masking
        return replace(super().requires(options), hides=(hidden,))

    @classmethod
    def provides(cls, options: Options) -> Provisions:
        """The encoder reads most of what the decoder predicts."""
        scorer = Scorer(cls.name, options.canonical())
        return replace(super().provides(options), shows_targets=True, scorer=scorer)

    @classmethod
    def search_space(cls, trial: Trial) -> Mapping[str, object]:
        """Both mask ratios."""
        return {
            "mask_ratio": trial.suggest_float("mask_ratio", 0.1, 0.6, step=0.05),
            "decoder_mask_ratio": trial.suggest_float("decoder_mask_ratio", 0.3, 0.9, step=0.05),
        }

    @classmethod
    def controls(cls, options: Options) -> Controls:
        """Masks given to the encoder; an mlm that predicts as many tokens without a bottleneck."""
        matched = mlm_control(options.decoder_mask_ratio, options.masking)
        controls = {"mlm at its decoder's ratio": matched}
        if options.encoder_input == "removed":
            masked = {**options.canonical(), "encoder_input": "masked"}
            controls["masks given to the encoder"] = (cls.name, masked)
        return controls
