"""The masked autoencoder for text: hidden tokens are removed, and a decoder puts them back."""

from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from mae_bench.costs import TRAIN, Flops, Stack, StepShape
from mae_bench.draws import Draws
from mae_bench.errors import SpecError
from mae_bench.masking import (
    RANDOM,
    Masking,
    MaskRatio,
    check_masking,
    hide,
    mean_flops,
    num_hidden,
)
from mae_bench.model.decoder import Decoder
from mae_bench.model.vocabulary import VocabularyHead
from mae_bench.objectives.base import OBJECTIVES, Block, LossOutput, Objective, Trial, View
from mae_bench.specs import BackboneSpec, Frozen


@OBJECTIVES.register("mae")
class MaskedAutoencoder(Objective):
    """Encode the kept tokens alone, at their original positions; predict the removed ones.

    No [MASK] enters the encoder. The decoder gets the encoder's output at the kept positions and
    one learned vector at each removed position. It is saved, and never used in fine-tuning.
    """

    name = "mae"
    summary = "remove tokens from the encoder's input; a small decoder predicts them"
    source = "He et al. 2022, arXiv:2111.06377; for text Meng et al. 2024, arXiv:2302.02060"
    predicts_tokens = True

    class Options(Frozen):
        """Half of the tokens, one decoder layer as wide as the encoder, cross-entropy.

        Differs from Meng et al. (15%, four layers of a 12-layer encoder): at that setting a MAE
        costs more than an MLM. ``target: embeddings`` regresses the removed tokens' own input
        embeddings, normalised and detached, with mean squared error.
        """

        mask_ratio: MaskRatio = 0.5
        masking: Masking = RANDOM
        decoder_layers: Annotated[int, Field(ge=1)] = 1
        decoder_width: Annotated[int, Field(ge=1)] | None = None
        target: Literal["tokens", "embeddings"] = "tokens"

    def build(self, teacher: object) -> None:
        """Make the decoder and the head that reads it."""
        width = self.options.decoder_width or self.backbone.width
        self.decoder = Decoder(self.spec, layers=self.options.decoder_layers, width=width)
        if self.options.target == "tokens":
            self.head = VocabularyHead(width, self.backbone.width, self.backbone.vocab_size)
        else:
            self.regress = nn.Linear(width, self.backbone.width)

    def corrupt(self, block: Block, draws: Draws) -> View:
        """Remove mask_ratio of each row: the same count in every row."""
        options = self.options
        hidden = hide(block, draws, options.mask_ratio, options.masking, self.lexicon)
        kept_pad = None if block.is_pad is None else block.is_pad.gather(1, hidden.kept)
        return View(
            input_ids=block.ids.gather(1, hidden.kept),
            positions=hidden.kept,
            is_pad=kept_pad,
            target_positions=hidden.positions,
            target_ids=block.ids.gather(1, hidden.positions),
            is_target=hidden.is_target,
        )

    def forward(self, view: View) -> LossOutput:
        """Return the reconstruction loss at the removed positions."""
        assert view.target_positions is not None and view.target_ids is not None
        encoded = self.backbone(view.input_ids, view.positions, view.is_pad)
        is_pad = None
        if view.is_pad is not None and view.is_target is not None:
            is_pad = torch.cat([view.is_pad, ~view.is_target], dim=1)
        features = self.decoder(encoded, view.positions, view.target_positions, is_pad)
        targets = view.target_ids
        if view.is_target is None:
            features, targets = features.flatten(0, 1), targets.flatten()
        else:
            features, targets = features[view.is_target], targets[view.is_target]
        if self.options.target == "embeddings":
            return LossOutput(self._regression(features, targets), len(targets))
        weight = self.backbone.embedding.weight
        loss = self.head.loss(features, weight, targets)
        metrics = {}
        if not self.training:
            metrics["accuracy"] = self.head.accuracy(features, weight, targets)
        return LossOutput(loss, len(targets), metrics)

    def _regression(self, features: Tensor, targets: Tensor) -> Tensor:
        wanted = F.layer_norm(
            self.backbone.embedding.weight[targets].detach().float(), (self.backbone.width,)
        )
        return F.mse_loss(self.regress(features).float(), wanted)

    @classmethod
    def flops_per_step(cls, options: Options, shape: StepShape) -> Flops:
        """Encoder over kept tokens, decoder over whole rows, head at the removed positions."""
        return mean_flops(options.mask_ratio, lambda ratio: cls._price(options, shape, ratio))

    @staticmethod
    def _price(options: Options, shape: StepShape, ratio: float) -> Flops:
        removed = num_hidden(shape.row_length, ratio)
        spec = shape.backbone
        width = options.decoder_width or spec.width
        stack = Stack.of(spec, layers=options.decoder_layers, width=width)
        decoder = TRAIN * stack.forward(shape.rows, shape.row_length)
        if width != spec.width:
            kept = shape.rows * (shape.row_length - removed)
            decoder += TRAIN * 2 * kept * spec.width * width
        if options.target == "tokens":
            head = shape.head(shape.rows * removed, width)
        else:
            head = float(TRAIN * shape.rows * removed * 2 * width * spec.width)
        return Flops(encoder=shape.encoder(shape.row_length - removed), decoder=decoder, head=head)

    @classmethod
    def check(cls, options: Options, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError for an impossible mask count or decoder width."""
        check_masking(options.mask_ratio, options.masking, row_length)
        head_size = spec.width // spec.heads
        width = options.decoder_width or spec.width
        if width % head_size:
            raise SpecError(
                f"decoder_width {width} must be a multiple of the backbone's head size "
                f"{head_size} (objective 'mae')"
            )

    @classmethod
    def search_space(cls, trial: Trial) -> dict[str, Any]:
        """Mask ratio and decoder depth."""
        return {
            "mask_ratio": trial.suggest_float("mask_ratio", 0.1, 0.8, step=0.05),
            "decoder_layers": trial.suggest_int("decoder_layers", 1, 2),
        }
