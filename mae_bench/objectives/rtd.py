"""ELECTRA: a generator fills the holes, and the encoder tells which tokens are not the text's.

Legend: B rows, L positions, M masked positions a row, N predicted tokens, V vocabulary size.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from mae_bench.costs import TRAIN, Flops, Stack, StepShape
from mae_bench.draws import Draws
from mae_bench.errors import SpecError
from mae_bench.masking import check_masking, mean_flops, num_hidden
from mae_bench.model.across_ranks import rebalanced
from mae_bench.model.generator import Generator, sample
from mae_bench.model.means import cross_entropy, masked_mean
from mae_bench.model.vocabulary import VocabularyHead
from mae_bench.objectives.base import (
    OBJECTIVES,
    Block,
    Controls,
    LossOutput,
    Objective,
    Provisions,
    Requirements,
    Trial,
    View,
)
from mae_bench.objectives.targets import (
    MaskingOptions,
    at_targets,
    filling,
    masked_view,
    number_of,
    padding,
    real,
)
from mae_bench.specs import BackboneSpec, Share


@dataclass(frozen=True)
class RtdView(View):
    """A masked row and the chance by which a generator will fill it.

    Attributes:
        uniform: [B, M] draws in [0, 1).
    """

    uniform: Tensor | None = None


@OBJECTIVES.register("rtd")
class ReplacedTokenDetection(Objective["ReplacedTokenDetection.Options"]):
    """Detect the tokens that a jointly trained generator put in place of the text's own.

    The encoder judges every real token, [CLS] and [SEP] included, so ``predicted`` counts all
    real positions; the generator's loss is a mean over the masked ones. No gradient passes
    through the generator's choice. The generator is saved beside the encoder and never used again.
    """

    name = "rtd"
    summary = "tell a generator's replacements from a row's own tokens, at every position"
    source = "Clark et al. 2020, arXiv:2003.10555"
    why_not_recorded = why_not_batched = ""

    class Options(MaskingOptions):
        """15% masked, 85% of them by [MASK] (the authors' code), a weight of 50.

        Attributes:
            generator_width_ratio: generator width over the encoder's, rounded to a multiple of
                the head size, at least one head. The paper scales width, not depth.
            generator_layers: None for the encoder's depth.
            discriminator_weight: of detection, beside the generator's loss with weight 1.
            share_embeddings: ``tokens`` gives the generator the encoder's token embedding
                through a projection, trained by both losses; ``none`` its own; ``all`` makes the
                encoder itself the generator, which needs generator_width_ratio 1.
        """

        mask_share: Share = 0.85
        random_share: Share = 0.0
        keep_share: Share = 0.15
        generator_width_ratio: Annotated[float, Field(gt=0, le=1)] = 0.25
        generator_layers: Annotated[int, Field(ge=1)] | None = None
        discriminator_weight: Annotated[float, Field(gt=0)] = 50.0
        share_embeddings: Literal["none", "tokens", "all"] = "tokens"

    def build(self, teacher: object) -> None:
        """Make the generator and the head that detects: dense, GELU, one output."""
        options, width, vocab_size = self.options, self.backbone.width, self.backbone.vocab_size
        with self.own_start("detector"):
            self.head = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, 1))
        if options.share_embeddings == "all":
            self.generator_head = VocabularyHead(width, width, vocab_size, seed=self.seed)
            return
        with self.own_start("generator"):
            self.generator = Generator(
                self.spec,
                layers=options.generator_layers or self.spec.layers,
                width=generator_width(options, self.spec),
                vocab_size=vocab_size,
                is_shared=options.share_embeddings == "tokens",
                seed=self.seed,
            )

    def corrupt(self, block: Block, draws: Draws) -> RtdView:
        """Mask tokens for the generator; lay out the draws by which it will choose."""
        view = masked_view(block, draws, self.options, self.backbone.vocab_size, self.lexicon)
        assert view.target_positions is not None
        chance = draws.uniform("sampled", block.ids.shape[1])
        return RtdView(**vars(view), uniform=chance.gather(1, view.target_positions))

    def forward(self, view: View) -> LossOutput:
        """Return the generator's loss plus the weighted loss of detection."""
        assert isinstance(view, RtdView)
        logits, targets = self.propose(view)
        number = number_of(targets, filling(view))
        generator_loss = cross_entropy(logits, targets, number)
        input_ids, is_replaced = self.filled(view, logits)
        hidden = self.backbone(input_ids, view.positions, view.is_pad)
        scores = real(self.head(hidden).squeeze(-1).float(), view)
        wanted, is_pad = real(is_replaced.float(), view), padding(view)
        if is_pad is None:
            detection = F.binary_cross_entropy_with_logits(scores, wanted)
        else:
            each = F.binary_cross_entropy_with_logits(scores, wanted, reduction="none")
            detection = masked_mean(each, is_pad)
        metrics = {"generator_loss": generator_loss.detach(), "detection_loss": detection.detach()}
        if not self.training:
            metrics["accuracy"] = ((scores > 0) == (wanted > 0)).float().mean()
        predicted = number_of(wanted, is_pad)
        loss = rebalanced(generator_loss, number, predicted)
        loss = loss + self.options.discriminator_weight * detection
        return LossOutput(loss, predicted, metrics)

    def propose(self, view: View) -> tuple[Tensor, Tensor]:
        """Return the generator's logits [N, V] at the masked positions, and the tokens there."""
        embedding, given = self.backbone.embedding, (view.input_ids, view.positions, view.is_pad)
        if self.options.share_embeddings == "all":
            features, targets = at_targets(self.backbone(*given), view)
            return self.generator_head(features, embedding.weight).float(), targets
        features, targets = at_targets(self.generator(*given, embedding), view)
        return self.generator.logits(features, embedding), targets

    def filled(self, view: RtdView, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the encoder reads [B, L], and where that is not the text's own [B, L].

        A sampled token that is the text's own counts as own.
        """
        assert view.target_positions is not None and view.target_ids is not None
        assert view.uniform is not None
        # Detached: a sample has no gradient. The generator learns from its own loss alone.
        if view.is_target is None or view.keeps_filling:
            chosen = sample(logits.detach(), view.uniform.flatten()).view_as(view.target_ids)
            if view.is_target is not None:
                chosen = torch.where(view.is_target, chosen, view.target_ids)
        else:
            chosen = view.target_ids.clone()
            chosen[view.is_target] = sample(logits.detach(), view.uniform[view.is_target])
        input_ids = view.input_ids.scatter(1, view.target_positions, chosen)
        is_replaced = torch.zeros_like(input_ids, dtype=torch.bool)
        return input_ids, is_replaced.scatter(1, view.target_positions, chosen != view.target_ids)

    @classmethod
    def flops_per_step(cls, options: Options, shape: StepShape) -> Flops:
        """Generator (``decoder``) and encoder over whole rows; both their heads."""
        spec = shape.backbone
        width = generator_width(options, spec)
        stack = Stack.of(spec, layers=options.generator_layers, width=width)
        generator = TRAIN * stack.forward(shape.rows, shape.row_length)
        if options.share_embeddings == "tokens" and width != spec.width:
            generator += TRAIN * 2 * shape.tokens * spec.width * width
        inside = width if options.share_embeddings == "none" else spec.width
        detection = TRAIN * 2 * shape.tokens * spec.width * (spec.width + 1)

        def price(ratio: float) -> Flops:
            masked = shape.rows * num_hidden(shape.row_length, ratio)
            proposals = TRAIN * masked * 2 * inside * (width + shape.vocab_size)
            return Flops(
                encoder=shape.encoder(), decoder=generator, head=float(detection + proposals)
            )

        return mean_flops(options.mask_ratio, price)

    @classmethod
    def check(cls, options: Options, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError for an impossible mask count, or a generator that cannot be shared."""
        check_masking(options.mask_ratio, options.masking, row_length)
        if options.share_embeddings != "all":
            return
        if options.generator_width_ratio != 1 or options.generator_layers is not None:
            raise SpecError(
                "share_embeddings 'all' makes the encoder its own generator, got "
                f"generator_width_ratio {options.generator_width_ratio:g} and generator_layers "
                f"{options.generator_layers} (objective 'rtd'); write generator_width_ratio: 1 and "
                "leave out generator_layers, or share 'tokens'"
            )

    @classmethod
    def requires(cls, options: Options) -> Requirements:
        """Terms over different tokens: the masked ones, and all."""
        return replace(super().requires(options), counts_apart=True)

    @classmethod
    def provides(cls, options: Options) -> Provisions:
        """The generator's head, where the encoder is the generator."""
        is_encoder = options.share_embeddings == "all"
        return replace(
            super().provides(options), soft_head="generator_head" if is_encoder else None
        )

    @classmethod
    def search_space(cls, trial: Trial) -> Mapping[str, object]:
        """Mask ratio and the weight of detection."""
        return {
            "mask_ratio": trial.suggest_float("mask_ratio", 0.1, 0.3, step=0.05),
            "discriminator_weight": trial.suggest_float("discriminator_weight", 10, 100, log=True),
        }

    @classmethod
    def controls(cls, options: Options) -> Controls:
        """An mlm that hides the same tokens: the generator's task, given to the encoder."""
        shared = ("mask_ratio", "masking")
        given = {name: value for name, value in options.canonical().items() if name in shared}
        shares = {"mask_share": options.mask_share, "random_share": options.random_share}
        return {"mlm": ("mlm", {**given, **shares, "keep_share": options.keep_share})}


def generator_width(options: ReplacedTokenDetection.Options, spec: BackboneSpec) -> int:
    """Return the generator's width: whole heads of the backbone's size, at least one."""
    heads = max(1, int(options.generator_width_ratio * spec.heads + 0.5))
    return heads * (spec.width // spec.heads)
