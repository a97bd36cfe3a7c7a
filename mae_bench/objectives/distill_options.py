"""Options of a distillation, and which of them contradict each other."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mae_bench.objectives.base import refuse_unread
from mae_bench.objectives.targets import MaskingOptions
from mae_bench.specs import Count

Weight = Annotated[float, Field(ge=0)]


class DistillOptions(MaskingOptions):
    """DistilBERT's weights, temperature 2.

    Attributes:
        teacher: the label of another arm, an encoder's folder, or ``owner/name@commit`` on
            the Hub; one from outside must share the study's tokenizer.
        soft_weight: of the soft cross-entropy; needs a teacher whose vocabulary head names the
            token at its own position, as those of mlm and distill do.
        soft_positions: where it is taken: at the sampled ``mask_ratio`` of the tokens, or at
            all positions that are not padding, as DistilBERT's published code does.
        relation_weight: of the query, key and value relations in the last layers of student
            and teacher (MiniLM, arXiv:2002.10957, 2012.15828); 0 as in DistilBERT.
        relation_heads: heads of the relations, which must divide both widths; of 16 numbers
            at a width of 128, as MiniLMv2's at 768.
        initialise_from_teacher: True copies the embeddings, norms and every other layer (the
            evenly spaced ones) of the teacher, and an arm's vocabulary head if it can
            give soft targets, as DistilBERT.
        mask_inputs: False shows both the row as it stands, without [MASK], as TinyBERT's
            general distillation does (arXiv:1909.10351); then ``mlm_weight`` must be 0.
        mlm_weight: of predicting the hidden tokens, as mlm does.
        cosine_weight: of 1 minus the cosine of student's and teacher's last hidden states.
        amortise_over: students that share the price of the teacher's pretraining; 1 charges
            all of it to this arm. Forward passes are always charged.
    """

    teacher: str
    temperature: Annotated[float, Field(gt=0)] = 2.0
    soft_weight: Weight = 5.0
    mlm_weight: Weight = 2.0
    cosine_weight: Weight = 1.0
    soft_positions: Literal["sampled", "all"] = "sampled"
    relation_weight: Weight = 0.0
    relation_heads: Count = 8
    initialise_from_teacher: bool = False
    mask_inputs: bool = True
    amortise_over: Annotated[int, Field(ge=1)] = 1

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each loss."""
        return {
            "mlm": self.mlm_weight,
            "cosine": self.cosine_weight,
            "soft": self.soft_weight,
            "relation": self.relation_weight,
        }

    @property
    def needs_head(self) -> bool:
        """Whether the student's vocabulary head is used; with masked rows it always is."""
        return self.mask_inputs or self.soft_weight > 0

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not any(self.weights.values()):
            raise ValueError(
                "soft_weight, mlm_weight, cosine_weight and relation_weight are all 0; at least "
                "one must be positive"
            )
        if self.soft_positions == "all" and self.soft_weight == 0:
            raise ValueError(
                "soft_positions 'all' says where the soft cross-entropy is taken, and soft_weight "
                "is 0; leave soft_positions out or raise soft_weight"
            )
        for name, weight in (("temperature", "soft_weight"), ("relation_heads", "relation_weight")):
            if getattr(self, weight) == 0:
                refuse_unread(self, [name], f"where {weight} is 0; leave it out, or raise {weight}")
        if not self.mask_inputs:
            self._check_clean()
        return self

    def _check_clean(self) -> None:
        if self.mlm_weight > 0:
            raise ValueError(
                f"mlm_weight {self.mlm_weight:g} with mask_inputs: false: the student would copy "
                "tokens that it sees; set mlm_weight: 0 or mask_inputs: true"
            )
        if self.shares != MaskingOptions().shares:
            raise ValueError(
                "mask_share, random_share and keep_share say what replaces tokens, and "
                "mask_inputs: false replaces none; leave them out"
            )
