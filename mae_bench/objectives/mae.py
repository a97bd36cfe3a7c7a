"""The masked autoencoder for text: hidden tokens are removed, and a decoder puts them back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from mae_bench.costs import TRAIN, Flops, StepShape
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
from mae_bench.masking.fills import FillOptions, filled, noise, put_noise
from mae_bench.masking.target_sets import check_sets, in_sets
from mae_bench.model.decoder_options import DecoderOptions
from mae_bench.model.heads import pool
from mae_bench.model.means import squared_error
from mae_bench.model.moving_average import MovingAverage
from mae_bench.model.regularisers import CollapseOptions
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
    Trial,
    View,
)
from mae_bench.objectives.targets import (
    all_positions,
    filling,
    labels_of,
    mlm_control,
    number_of,
    predicted,
    token_loss,
)
from mae_bench.specs import BackboneSpec


@dataclass(frozen=True)
class MaeView(View):
    """A view that says what the decoder may read, and what is predicted instead of the tokens.

    Attributes:
        kept: [B, V] positions whose encoding the decoder reads; None where there are no others.
        noise: [B, M, D] standard normal vectors that stand at the target positions.
        labels: [B, M] ids to predict instead of ``target_ids``.
    """

    kept: Tensor | None = None
    noise: Tensor | None = None
    labels: Tensor | None = None


@OBJECTIVES.register("mae")
class MaskedAutoencoder(Objective["MaskedAutoencoder.Options"]):
    """Encode the kept tokens alone, at their original positions; predict the removed ones.

    No [MASK] enters the encoder. The decoder gets the encoder's output at the kept positions and
    one vector at each removed position. It is saved, and never used in fine-tuning.
    """

    name = "mae"
    summary = "remove tokens from the encoder's input; a small decoder predicts them"
    source = "He et al. 2022, arXiv:2111.06377; for text Meng et al. 2024, arXiv:2302.02060"
    why_not_recorded = why_not_batched = ""
    predicts_tokens = True

    class Options(DecoderOptions, FillOptions, CollapseOptions):
        """Half of the tokens, one decoder layer as wide as the encoder, cross-entropy.

        Differs from Meng et al. (15%, four layers of a 12-layer encoder): at that setting a MAE
        costs more than an MLM.

        Attributes:
            target: ``tokens``; or, normalised, detached and by mean squared error, the removed
                tokens' own input ``embeddings``, or the ``ema_features`` at their positions in the
                last layer of a moving average of the encoder that reads the whole row (data2vec,
                arXiv:2202.03555, takes the mean of several layers).
            ema_decay: of that average, a step.
            output_embedding: of the vocabulary head; ``own`` unties it from the input embedding.
            target_sets: the removed tokens are dealt into this many sets. Each is decoded in a
                pass of its own, which reads the other sets as input embeddings. So mask_ratio
                of the tokens are predicted while a pass hides mask_ratio / target_sets of them:
                more prediction than corruption (Wettig et al. 2023, arXiv:2202.08005) for one
                encoder pass. The encoder reads none of them: any of its outputs could hold any
                token that it has read.
            random_targets: random tokens to predict: the control without anything to learn.
        """

        mask_ratio: MaskRatio = 0.5
        masking: Masking = RANDOM
        target: Literal["tokens", "embeddings", "ema_features"] = "tokens"
        ema_decay: Annotated[float, Field(gt=0, lt=1)] = 0.999
        output_embedding: Literal["tied", "own"] = "tied"
        target_sets: Annotated[int, Field(ge=1)] = 1
        random_targets: bool = False

        @model_validator(mode="after")
        def _fits(self) -> Self:
            if self.output_embedding == "own" and self.target != "tokens":
                raise ValueError(
                    f"output_embedding: own needs target: tokens, got {self.target}; change one"
                )
            if self.target != "ema_features" and "ema_decay" in self.model_fields_set:
                raise ValueError(
                    f"ema_decay belongs to target: ema_features, got {self.target}; leave it out"
                )
            if self.random_targets and self.target == "ema_features":
                raise ValueError(
                    "random_targets needs target: tokens or embeddings, got ema_features; "
                    "change one"
                )
            return self

    def build(self, teacher: object) -> None:
        """Make the decoder, the head that reads it, and the moving average."""
        options, inside = self.options, self.backbone.width
        width = options.width(self.spec)
        with self.own_start("decoder"):
            self.decoder = options.build_decoder(self.spec)
        if options.target == "tokens":
            self.head = VocabularyHead(width, inside, self.backbone.vocab_size, seed=self.seed)
        else:
            with self.own_start("regression"):
                self.regress = nn.Linear(width, inside)
        if options.output_embedding == "own":
            with self.own_start("output embedding"):
                self.output = nn.Parameter(torch.randn(self.backbone.vocab_size, inside) * 0.02)
        if options.target == "ema_features":
            self.average = MovingAverage(self.backbone, options.ema_decay)

    def corrupt(self, block: Block, draws: Draws) -> MaeView:
        """Remove or fill mask_ratio of each row: the same count in every row."""
        options, ids, is_pad = self.options, block.ids, block.is_pad
        length, words = ids.shape[1], self.backbone.vocab_size
        hidden = hide(block, draws, options.mask_ratio, options.masking, self.lexicon)
        if options.target_sets > 1:
            hidden = in_sets(hidden, draws.uniform("set", length), options.target_sets)
        targets: dict[str, Any] = {
            "target_positions": hidden.positions,
            "target_ids": ids.gather(1, hidden.positions),
            "is_target": hidden.is_target,
        }
        if options.target == "ema_features":
            targets["parts"] = {"whole": View(ids, all_positions(ids), is_pad)}
        if options.random_targets:
            other = filled(ids, hidden, draws.uniform("target", length), words)
            targets["labels"] = other.gather(1, hidden.positions)
        if not options.is_filled:  # removed tokens are cut out of the rows, not hidden by a mask
            kept_pad = None if is_pad is None else is_pad.gather(1, hidden.kept)
            return MaeView(ids.gather(1, hidden.kept), hidden.kept, kept_pad, **targets)
        if options.fill == "noise":
            targets["noise"] = noise(hidden, draws, length, self.backbone.width)
        seen = filled(ids, hidden, draws.uniform("what", length), words, options.fill_shares)
        return MaeView(seen, all_positions(ids), is_pad, **targets, kept=hidden.kept)

    def forward(self, view: View) -> LossOutput:
        """Return the loss at the removed positions; with the terms against collapse in training."""
        assert isinstance(view, MaeView) and view.target_ids is not None
        options, (encoded, kept, is_pad) = self.options, self._encode(view)
        features = self._decode(view, encoded, kept, is_pad)
        ids = view.target_ids if view.labels is None else view.labels
        if options.target == "tokens":
            output = token_loss(self._guess(features, ids, view), view, is_training=self.training)
        else:
            vectors = self.regress(features).float()  # bf16 loses the square of a small difference
            loss = squared_error(vectors, self._wanted(ids, view), filling(view))
            output = LossOutput(loss, number_of(vectors, filling(view)))
        # In evaluation the loss is that of an arm without these terms, to be compared with it.
        if self.training and options.is_regularised:
            loss = output.loss + options.penalty(pool(encoded, is_pad, "mean"))
            output = replace(output, loss=loss)
        return output

    def guess_tokens(self, view: View) -> TokenGuess:
        """Ask the decoder, which reads the encoding of the tokens that are left."""
        assert isinstance(view, MaeView) and view.target_ids is not None
        return self._guess(self._decode(view, *self._encode(view)), view.target_ids, view)

    def _guess(self, features: Tensor, ids: Tensor, view: MaeView) -> TokenGuess:
        return TokenGuess(self.head, features, self._output, labels_of(ids, view))

    @property
    def _output(self) -> Tensor:
        """The [V, D] embedding that the vocabulary head reads."""
        own = self.options.output_embedding == "own"
        return self.output if own else self.backbone.embedding.weight

    def _decode(
        self, view: MaeView, encoded: Tensor, kept: Tensor, is_pad: Tensor | None
    ) -> Tensor:
        """Return [N, W] what the decoder makes of the removed positions."""
        assert view.target_positions is not None and view.target_ids is not None
        several, embedding = self.options.target_sets, self.backbone.embedding
        sets = (several, embedding(view.target_ids)) if several > 1 else None
        removed = view.target_positions, view.is_target
        mask = embedding.weight[MASK_ID]
        decoded = self.decoder.decode_sets(encoded, kept, is_pad, removed, mask, sets)
        return predicted(decoded, view)

    def _encode(self, view: MaeView) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the encoding that the decoder may read, its positions, and what is padding."""
        given, vectors = (view.input_ids, view.positions, view.is_pad), None
        if view.noise is not None:
            assert view.target_positions is not None
            own = self.backbone.embedding(view.input_ids)
            vectors = put_noise(own, view.target_positions, view.noise)
        encoded = self.backbone(*given, inputs_embeds=vectors)
        if view.kept is None:
            return encoded, view.positions, view.is_pad
        encoded = encoded.gather(1, view.kept[..., None].expand(-1, -1, encoded.shape[-1]))
        return encoded, view.kept, None if view.is_pad is None else view.is_pad.gather(1, view.kept)

    def _wanted(self, ids: Tensor, view: MaeView) -> Tensor:
        """Return [N, D] normalised vectors to regress, of ids [B, M] or of where they stood."""
        if self.options.target == "embeddings":
            # Detached: vectors that moved to meet their predictions would all become one. Normed:
            # shrinking them would lower the loss as well.
            own = self.backbone.embedding.weight[predicted(ids, view)].detach().float()
            return F.layer_norm(own, (self.backbone.width,))
        row, positions = view.parts["whole"], view.target_positions
        assert positions is not None
        wanted = self.average.targets(row.input_ids, row.positions, row.is_pad, positions)
        return predicted(wanted, view)

    def after_step(self) -> None:
        """Let the moving average follow."""
        if self.options.target == "ema_features":
            self.average.update(self.backbone)

    @classmethod
    def flops_per_step(cls, options: Options, shape: StepShape) -> Flops:
        """Encoder over kept tokens, decoder over whole rows, head at the removed positions."""
        return mean_flops(options.mask_ratio, lambda ratio: cls._price(options, shape, ratio))

    @staticmethod
    def _price(options: Options, shape: StepShape, ratio: float) -> Flops:
        spec, rows, length = shape.backbone, shape.rows, shape.row_length
        removed = num_hidden(length, ratio)
        width = options.width(spec)
        decoder = options.decoder_flops(spec, rows, length, removed, options.target_sets)
        if options.target == "tokens":
            head = shape.head(shape.rows * removed, width)
        else:
            head = float(TRAIN * rows * removed * 2 * width * spec.width)
        head += options.penalty_flops(rows, spec.width)
        teacher = shape.encoder(passes=1) if options.target == "ema_features" else 0.0
        seen = length if options.is_filled else length - removed
        return Flops(encoder=shape.encoder(seen), decoder=decoder, head=head, teacher=teacher)

    @classmethod
    def check(cls, options: Options, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError for an impossible mask count, number of sets, or decoder."""
        check_masking(options.mask_ratio, options.masking, row_length)
        options.check_decoder(spec, cls.name)
        check_sets(options.target_sets, options.mask_ratio, row_length)

    @classmethod
    def provides(cls, options: Options) -> Provisions:
        """A scorer where it names tokens, not vectors."""
        is_named = options.target == "tokens"
        scorer = Scorer(cls.name, options.canonical()) if is_named else None
        return replace(super().provides(options), scorer=scorer)

    @classmethod
    def search_space(cls, trial: Trial) -> Mapping[str, object]:
        """Mask ratio and decoder depth."""
        return {
            "mask_ratio": trial.suggest_float("mask_ratio", 0.1, 0.8, step=0.05),
            "decoder_layers": trial.suggest_int("decoder_layers", 1, 2),
        }

    @classmethod
    def controls(cls, options: Options) -> Controls:
        """Masks given to the encoder, nothing to learn, and an mlm that predicts as many tokens."""
        own = options.canonical()
        unfilled = {name: value for name, value in own.items() if name != "fill"}
        controls = {"mlm at its ratio": mlm_control(options.mask_ratio, options.masking)}
        if not options.reads_masks:
            controls["masks given to the encoder"] = ("mae", {**unfilled, "reads_masks": True})
        if options.target != "ema_features":
            controls["random targets"] = ("mae", {**own, "random_targets": True})
        return controls
