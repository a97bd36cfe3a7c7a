"""Distillation: a student matches a teacher's predictions and hidden states on masked rows."""

from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from mae_bench.costs import TRAIN, Flops, Stack, StepShape
from mae_bench.draws import Draws
from mae_bench.errors import SpecError
from mae_bench.masking import check_masking, mean_flops, num_hidden
from mae_bench.model.teacher import Teacher, load_teacher
from mae_bench.model.vocabulary import VocabularyHead
from mae_bench.objectives.base import OBJECTIVES, Block, LossOutput, Objective, Trial, View
from mae_bench.objectives.targets import MaskingOptions, at_targets, masked_view
from mae_bench.specs import BackboneSpec

Weight = Annotated[float, Field(ge=0)]


@OBJECTIVES.register("distill")
class Distillation(Objective):
    """Soft cross-entropy with temperature, the MLM loss, and a cosine to the hidden states.

    Teacher and student read the same masked rows. The teacher is never trained.
    """

    name = "distill"
    summary = "match a teacher's token distribution and hidden states"
    source = "Sanh et al. 2019, arXiv:1910.01108 (weights 5, 2, 1)"
    predicts_tokens = True

    class Options(MaskingOptions):
        """DistilBERT's weights, temperature 2.

        Attributes:
            teacher: the label of another arm, an encoder's folder, or ``owner/name@commit`` on
                the Hub; one from outside must share the study's tokenizer.
            soft_weight: of the soft cross-entropy; needs a teacher with a vocabulary head.
            amortise_over: students that share the price of the teacher's pretraining; 1 charges
                all of it to this arm. Forward passes are always charged.
        """

        teacher: str
        temperature: Annotated[float, Field(gt=0)] = 2.0
        soft_weight: Weight = 5.0
        mlm_weight: Weight = 2.0
        cosine_weight: Weight = 1.0
        amortise_over: Annotated[int, Field(ge=1)] = 1

    teacher: Teacher

    def build(self, teacher: Path | None) -> None:
        """Load the teacher; make the vocabulary head and, if widths differ, a projection."""
        assert teacher is not None
        width = self.backbone.width
        # first, so that it starts as an mlm's does whatever loading a teacher draws
        self.head = VocabularyHead(width, width, self.backbone.vocab_size)
        self.teacher = load_teacher(teacher)
        if self.teacher.vocab_size != self.backbone.vocab_size:
            raise SpecError(
                f"teacher '{self.options.teacher}' has a vocabulary of {self.teacher.vocab_size}, "
                f"the student's has {self.backbone.vocab_size}; both must use one tokenizer"
            )
        if self.options.soft_weight > 0 and not self.teacher.has_head:
            raise SpecError(
                f"teacher '{self.options.teacher}' has no vocabulary head over its encoder, which "
                "soft_weight needs; choose an mlm or distill arm, or set soft_weight: 0"
            )
        self.match = (
            nn.Identity() if self.teacher.width == width else nn.Linear(width, self.teacher.width)
        )

    def corrupt(self, block: Block, draws: Draws) -> View:
        """Hide tokens as mlm does."""
        return masked_view(block, draws, self.options, self.backbone.vocab_size, self.lexicon)

    def forward(self, view: View) -> LossOutput:
        """Return the weighted mean of the three losses."""
        options = self.options
        hidden = self.backbone(view.input_ids, view.positions, view.is_pad)
        with torch.no_grad():
            taught, wanted = self.teacher(
                view.input_ids, view.positions, view.is_pad, lambda x: at_targets(x, view)[0]
            )
        features, targets = at_targets(hidden, view)
        logits = self.head(features, self.backbone.embedding.weight).float()
        mlm = F.cross_entropy(logits, targets)
        loss = options.mlm_weight * mlm
        if options.cosine_weight > 0:
            cosine = _cosine(self.match(hidden), taught, view.is_pad)
            loss = loss + options.cosine_weight * (1 - cosine)
        if options.soft_weight > 0:
            soft = F.kl_div(
                F.log_softmax(logits / options.temperature, -1),
                F.log_softmax(wanted.float() / options.temperature, -1),
                reduction="batchmean",
                log_target=True,
            )
            loss = loss + options.soft_weight * options.temperature**2 * soft
        total = options.mlm_weight + options.cosine_weight + options.soft_weight
        metrics = {"mlm_loss": mlm.detach()}
        if not self.training:
            metrics["accuracy"] = (logits.argmax(-1) == targets).float().mean()
        return LossOutput(loss / total, len(targets), metrics)

    @classmethod
    def flops_per_step(cls, options: Options, shape: StepShape) -> Flops:
        """As mlm, plus the teacher's forward pass.

        A teacher from outside makes its logits at every position.
        """
        outside = shape.outside_teacher
        stack = outside or Stack.of(shape.backbone)

        def price(ratio: float) -> Flops:
            predicted = shape.rows * num_hidden(shape.row_length, ratio)
            teacher = stack.forward(shape.rows, shape.row_length)
            if options.soft_weight > 0:
                read = shape.tokens if outside else predicted
                teacher += 2.0 * read * stack.width * (stack.width + shape.vocab_size)
            head = shape.head(predicted)
            if stack.width != shape.backbone.width:
                head += float(TRAIN * 2 * shape.tokens * shape.backbone.width * stack.width)
            return Flops(encoder=shape.encoder(), head=head, teacher=teacher)

        return mean_flops(options.mask_ratio, price)

    @classmethod
    def check(cls, options: Options, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError for an impossible mask count or no loss at all."""
        check_masking(options.mask_ratio, options.masking, row_length)
        if options.soft_weight + options.mlm_weight + options.cosine_weight == 0:
            raise SpecError(
                "soft_weight, mlm_weight and cosine_weight are all 0 (objective 'distill'); "
                "at least one must be positive"
            )

    @classmethod
    def search_space(cls, trial: Trial) -> dict[str, Any]:
        """Mask ratio and temperature."""
        return {
            "mask_ratio": trial.suggest_float("mask_ratio", 0.1, 0.6, step=0.05),
            "temperature": trial.suggest_float("temperature", 1.0, 4.0),
        }

    @classmethod
    def teacher_of(cls, options: Options) -> str:
        """Return the arm, folder or Hub id."""
        return options.teacher


def _cosine(student: Tensor, teacher: Tensor, is_pad: Tensor | None) -> Tensor:
    """Return the mean cosine over real positions."""
    cosine = F.cosine_similarity(student.float(), teacher.float(), dim=-1)
    return cosine.mean() if is_pad is None else cosine[~is_pad].mean()
