"""Distillation: a student matches a teacher's predictions, hidden states and attention."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from mae_bench.backbones import architecture_of, names_with_projections
from mae_bench.costs import TRAIN, Flops, Stack, StepShape
from mae_bench.draws import Draws
from mae_bench.errors import SpecError
from mae_bench.masking import check_masking, hide, mean_flops, num_hidden
from mae_bench.model.backbone import Backbone
from mae_bench.model.matching import (
    attention_layers,
    last_projections,
    mean_cosine,
    relation_loss,
    soft_loss,
)
from mae_bench.model.means import Number, accuracy, cross_entropy
from mae_bench.model.teacher import ArmTeacher, Teacher, copy_layers, load_teacher
from mae_bench.model.vocabulary import VocabularyHead
from mae_bench.objectives.base import (
    OBJECTIVES,
    Block,
    Controls,
    LossOutput,
    Objective,
    Predictor,
    Provisions,
    Requirements,
    Scorer,
    Trial,
    View,
)
from mae_bench.objectives.distill_options import DistillOptions
from mae_bench.objectives.targets import (
    MaskingOptions,
    all_positions,
    at_targets,
    filling,
    masked_view,
    number_of,
    padding,
    real,
    saved_soft_head,
)
from mae_bench.specs import BackboneSpec


@OBJECTIVES.register("distill")
class Distillation(Objective["Distillation.Options"]):
    """Soft cross-entropy with temperature, the MLM loss, a cosine to the hidden states; relations.

    Teacher and student read the same rows, masked unless ``mask_inputs`` is false. The teacher is
    never trained. A student starts from the initial weights of all other arms, unless
    ``initialise_from_teacher`` is true: then it starts, as no other arm, with trained weights.
    """

    name = "distill"
    summary = "match a teacher's token distribution and hidden states"
    source = "Sanh et al. 2019, arXiv:1910.01108 (weights 5, 2, 1)"
    why_not_recorded = why_not_batched = ""
    predicts_tokens = True
    example: ClassVar[Mapping[str, object]] = {"teacher": "mlm"}

    class Options(DistillOptions):
        """DistilBERT's weights, temperature 2."""

    teacher: Teacher

    def build(self, teacher: Path | None) -> None:
        """Load the teacher; make the vocabulary head and, if widths differ, a projection."""
        assert teacher is not None
        width = self.backbone.width
        self.head = VocabularyHead(width, width, self.backbone.vocab_size, seed=self.seed)
        self.teacher = load_teacher(teacher, saved_soft_head(teacher))
        if self.teacher.vocab_size != self.backbone.vocab_size:
            raise SpecError(
                f"teacher '{self.options.teacher}' has a vocabulary of {self.teacher.vocab_size}, "
                f"the student's has {self.backbone.vocab_size}; both must use one tokenizer"
            )
        if self.options.soft_weight > 0 and not self.teacher.has_head:
            raise SpecError(
                f"teacher '{self.options.teacher}' has no vocabulary head over its encoder that "
                "names the token at its own position, which soft_weight needs; choose an mlm or "
                "distill arm, or set soft_weight: 0"
            )
        if self.options.relation_weight > 0:
            for encoder in (self.backbone.encoder, self.teacher.backbone.encoder):
                attention_layers(encoder)  # an encoder without them is refused before training
            if self.teacher.width % self.options.relation_heads:
                raise SpecError(
                    f"relation_heads {self.options.relation_heads} must divide the width of "
                    f"teacher '{self.options.teacher}', {self.teacher.width}; choose another number"
                )
        if self.options.initialise_from_teacher:
            copy_layers(self.teacher.backbone.encoder, self.backbone.encoder)
            if isinstance(self.teacher, ArmTeacher):
                self.head.load_state_dict(self.teacher.head.state_dict())
        self.match: nn.Module = nn.Identity()
        if self.teacher.width != width:
            with self.own_start("projection"):
                self.match = nn.Linear(width, self.teacher.width)

    def corrupt(self, block: Block, draws: Draws) -> View:
        """Hide tokens as mlm does, or sample as many and show them."""
        options = self.options
        if options.mask_inputs:
            return masked_view(block, draws, options, self.backbone.vocab_size, self.lexicon)
        sampled = hide(block, draws, options.mask_ratio, options.masking, self.lexicon)
        return View(
            input_ids=block.ids,
            positions=all_positions(block.ids),
            is_pad=block.is_pad,
            target_positions=sampled.positions,
            target_ids=block.ids.gather(1, sampled.positions),
            is_target=sampled.is_target,
        )

    def forward(self, view: View) -> LossOutput:
        """Return the weighted mean of the losses."""
        options = self.options
        with self._projections(self.backbone) as ours:
            hidden = self.backbone(view.input_ids, view.positions, view.is_pad)
        # The teacher reads the same view: what differs is then the model, not the input.
        with torch.no_grad(), self._projections(self.teacher.backbone) as theirs:
            taught, wanted = self.teacher(
                view.input_ids,
                view.positions,
                view.is_pad,
                (lambda x: self._soft(x, view)) if options.soft_weight > 0 else None,
            )
        losses, metrics, predicted = self._token_losses(hidden, wanted, view)
        if options.cosine_weight > 0:
            cosine = mean_cosine(
                self.match(hidden), taught, view.is_pad, keeps_filling=view.keeps_filling
            )
            losses["cosine"] = 1 - cosine
        if options.relation_weight > 0:
            relation = relation_loss(
                ours,
                theirs,
                view.is_pad,
                options.relation_heads,
                keeps_filling=view.keeps_filling,
            )
            losses["relation"] = metrics["relation_loss"] = relation
        if "cosine" in losses or "relation" in losses:
            predicted = _or_rows(predicted, len(hidden))
        weights = options.weights
        loss = torch.stack([weights[name] * losses[name] for name in weights if name in losses])
        # Metrics are kept beyond the step, and with them would be its graph.
        metrics = {name: value.detach() for name, value in metrics.items()}
        return LossOutput(loss.sum() / sum(weights.values()), predicted, metrics)

    def _token_losses(
        self, hidden: Tensor, wanted: Tensor | None, view: View
    ) -> tuple[dict[str, Tensor], dict[str, Tensor], Number]:
        """Return the MLM and soft losses, metrics, and how many tokens were predicted."""
        options = self.options
        losses: dict[str, Tensor] = {}
        metrics: dict[str, Tensor] = {}
        is_sampled = options.soft_positions == "sampled"
        is_filling = filling(view) if is_sampled else padding(view)
        if not options.needs_head:
            return losses, metrics, number_of(self._soft(hidden, view), is_filling)
        if options.soft_positions == "all":
            # fp32, here and below: bf16 keeps 8 bits, too few for a log-softmax over V tokens.
            logits = self.head(hidden, self.backbone.embedding.weight).float()
            soft, (hard, targets) = self._soft(logits, view), at_targets(logits, view)
        else:
            features, targets = at_targets(hidden, view)
            hard = soft = self.head(features, self.backbone.embedding.weight).float()
        if options.mask_inputs:
            number = number_of(targets, filling(view))
            losses["mlm"] = metrics["mlm_loss"] = cross_entropy(hard, targets, number)
            if not self.training:
                metrics["accuracy"] = accuracy(hard, targets)
        if options.soft_weight > 0:
            assert wanted is not None
            losses["soft"] = soft_loss(soft, wanted, options.temperature, is_filling)
        return losses, metrics, number_of(soft, is_filling)

    def _soft(self, states: Tensor, view: View) -> Tensor:
        """Return [N, X] of [B, S, X] at the positions of the soft targets."""
        if self.options.soft_positions == "sampled":
            return at_targets(states, view)[0]
        return real(states, view)

    def _projections(self, backbone: Backbone) -> AbstractContextManager[list[Tensor]]:
        """Give the last queries, keys and values of its next pass where they are compared."""
        if self.options.relation_weight == 0:
            return nullcontext([])
        return last_projections(backbone.encoder)

    @classmethod
    def flops_per_step(cls, options: Options, shape: StepShape) -> Flops:
        """As mlm, plus the teacher's forward pass, the projection and the relations.

        A teacher from outside makes its logits at every position.
        """
        outside = shape.outside_teacher
        stack = outside or Stack.of(shape.backbone)
        width, tokens = shape.backbone.width, shape.tokens

        def price(ratio: float) -> Flops:
            predicted = tokens
            if options.soft_positions == "sampled":
                predicted = shape.rows * num_hidden(shape.row_length, ratio)
            teacher = stack.forward(shape.rows, shape.row_length)
            if options.soft_weight > 0:
                read = tokens if outside else predicted
                teacher += 2.0 * read * stack.width * (stack.width + shape.vocab_size)
            head = shape.head(predicted) if options.needs_head else 0.0
            if options.cosine_weight > 0 and stack.width != width:
                head += float(TRAIN * 2 * tokens * width * stack.width)
            if options.relation_weight > 0:
                pairs = 3 * 2.0 * tokens * shape.row_length  # of queries, of keys, of values
                teacher += pairs * stack.width
                head += TRAIN * pairs * width
            return Flops(encoder=shape.encoder(), head=head, teacher=teacher)

        return mean_flops(options.mask_ratio, price)

    @classmethod
    def check(cls, options: Options, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError for an impossible mask count, or relations that do not fit."""
        check_masking(options.mask_ratio, options.masking, row_length)
        if options.relation_weight > 0 and spec.width % options.relation_heads:
            raise SpecError(
                f"relation_heads {options.relation_heads} must divide the backbone's width "
                f"{spec.width} (objective 'distill'); choose another number"
            )
        if options.relation_weight > 0 and not architecture_of(spec).projections:
            raise SpecError(
                f"relation_weight {options.relation_weight:g} compares the queries, keys and "
                f"values of attention, backbone.arch '{spec.arch}' has none (objective "
                f"'distill'); set relation_weight: 0 or choose {names_with_projections()}"
            )

    @classmethod
    def revision(cls, options: Options, spec: BackboneSpec) -> int:
        """2 since a recurrent student gets the norms of the layers that it gets."""
        is_recurrent = not architecture_of(spec).has_attention
        return 2 if options.initialise_from_teacher and is_recurrent else 1

    @classmethod
    def search_space(cls, trial: Trial) -> Mapping[str, object]:
        """Mask ratio and temperature."""
        return {
            "mask_ratio": trial.suggest_float("mask_ratio", 0.1, 0.6, step=0.05),
            "temperature": trial.suggest_float("temperature", 1.0, 4.0),
        }

    @classmethod
    def controls(cls, options: Options) -> Controls:
        """The same masked rows without a teacher."""
        same = options.canonical()
        return {"mlm": ("mlm", {k: v for k, v in same.items() if k in MaskingOptions.model_fields})}

    @classmethod
    def requires(cls, options: Options) -> Requirements:
        """The teacher, and its logits where their loss has a weight."""
        return replace(
            super().requires(options),
            teacher=options.teacher,
            reads_soft_targets=options.soft_weight > 0,
            amortise_over=options.amortise_over,
            counts_apart=True,
        )

    @classmethod
    def provides(cls, options: Options) -> Provisions:
        """The student's own head, where a loss trains it: it predicts as an mlm's, untaught."""
        provisions = replace(super().provides(options), shows_targets=not options.mask_inputs)
        if options.soft_weight == 0 and options.mlm_weight == 0:
            return provisions
        same = options.canonical()
        mlm = {k: v for k, v in same.items() if k in MaskingOptions.model_fields}
        return replace(
            provisions,
            predictor=Predictor("mlm", mlm),
            soft_head="head",
            scorer=Scorer("mlm", mlm),
        )


def _or_rows(predicted: Number, num_rows: int) -> Number:
    """Return the number of tokens, or of rows, which have a loss where none of their tokens has."""
    if isinstance(predicted, Tensor):
        return torch.where(predicted > 0, predicted, num_rows)
    return predicted or num_rows
