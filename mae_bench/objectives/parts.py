"""Objectives made of other objectives on one backbone: what mixtures and phases share."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

from pydantic import model_validator
from torch import nn
from typing_extensions import TypeVar

from mae_bench.costs import Flops, StepShape
from mae_bench.errors import SpecError
from mae_bench.model.dropouts import Holder, dropout_ratios, set_dropout_ratios
from mae_bench.model.teacher import Teacher
from mae_bench.objectives.base import (
    Controls,
    LossOutput,
    Objective,
    Provisions,
    Requirements,
    View,
)
from mae_bench.objectives.part_entries import Part
from mae_bench.specs import BackboneSpec, Frozen


class PartsOptions(Frozen):
    """Options that name parts, each with an amount of its own."""

    AMOUNT: ClassVar[str]

    @property
    @abstractmethod
    def every(self) -> tuple[Part, ...]:
        """The parts, in order."""

    @property
    def taught(self) -> Part | None:
        """The part that has a teacher."""
        return next((p for p in self.every if p.requires.teacher is not None), None)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for part in self.every:
            if not part.kind.is_trained:
                raise SpecError(
                    f"part '{part.label}': '{part.objective}' is not trained; name a part that is"
                )
        taught = [p.label for p in self.every if p.requires.teacher is not None]
        if len(taught) > 1:
            raise SpecError(
                f"the parts {', '.join(taught)} have a teacher each, and one part at most may; "
                "keep one of them"
            )
        return self


PartsT = TypeVar("PartsT", bound=PartsOptions, default=PartsOptions)


class Composite(Objective[PartsT]):
    """Parts that stand on one backbone; each is what it would be alone.

    The parts share the draws, start with the heads that they would have alone, and keep the
    dropout that they set. After a step every part does what follows it, also one that had no
    share in the step: an average of the encoder's weights must not lag behind.
    """

    why_not_recorded = why_not_batched = ""  # its parts are asked

    def build(self, teacher: Path | None) -> None:
        """Build the parts."""
        self.parts = nn.ModuleList()
        self.dropouts: list[dict[Holder, float]] = []
        plain, config = dropout_ratios(self.backbone), self.backbone.config.to_dict()
        for part in self.options.every:
            self.parts.append(
                part.kind(
                    self.backbone,
                    self.spec,
                    part.options,
                    seed=self.seed,
                    teacher=teacher if part is self.options.taught else None,
                    lexicon=self.lexicon if part.requires.uses_lexicon else None,
                )
            )
            self.dropouts.append(dropout_ratios(self.backbone))
            set_dropout_ratios(plain)  # the next part is built as if it stood alone
            if self.backbone.config.to_dict() != config:
                raise SpecError(
                    f"part '{part.label}' makes another encoder of the one that all parts share, "
                    "as keep_mask of 'causal' does; leave that option out"
                )

    @property
    def teacher(self) -> Teacher:
        """The teacher of the part that has one."""
        (index,) = (i for i, p in enumerate(self.options.every) if p is self.options.taught)
        teacher = self.parts[index].teacher
        assert isinstance(teacher, Teacher)
        return teacher

    def loss_of(self, index: int, view: View) -> LossOutput:
        """Return what a part makes of its view, under its own dropout."""
        set_dropout_ratios(self.dropouts[index])
        output: LossOutput = self.parts[index](view)
        return output

    def after_step(self) -> None:
        """Let every part do what follows a step."""
        for part in self.parts:
            part.after_step()  # type: ignore[operator]

    @classmethod
    def check(cls, options: PartsT, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError where a part does not fit."""
        for part in options.every:
            try:
                part.kind.check(part.options, spec, row_length)
            except SpecError as error:
                raise SpecError(f"part '{part.label}': {error}", error.got) from None

    @classmethod
    def revision(cls, options: PartsT, spec: BackboneSpec) -> int:
        """One, and one more for each time that the numbers of a part have moved."""
        return 1 + sum(p.kind.revision(p.options, spec) - 1 for p in options.every)

    @classmethod
    def asked_order(cls, options: PartsT) -> Iterable[int]:
        """Return the indices of the parts, in the order of asking them for hidden tokens."""
        return range(len(options.every))

    @classmethod
    def requires(cls, options: PartsT) -> Requirements:
        """What any of the parts requires; at most one of them has a teacher."""
        parts = [part.requires for part in options.every]
        taught = options.taught.requires if options.taught else Requirements()
        return replace(
            taught,
            uses_lexicon=any(part.uses_lexicon for part in parts),
            uses_ngrams=any(part.uses_ngrams for part in parts),
            hides=tuple(hidden for part in parts for hidden in part.hides),
            shares=(),
            restarts_at=(),
            follows_progress=any(part.follows_progress for part in parts),
            whole_batch=next((part.whole_batch for part in parts if part.whole_batch), ""),
            counts_apart=any(part.counts_apart for part in parts),
            sets_dropout=any(part.sets_dropout for part in parts),
        )

    @classmethod
    def provides(cls, options: PartsT) -> Provisions:
        """The predictor, the scorer and the soft head of the first part that has one.

        Tokens move where they do in a part, and targets show where they do: each part is held to
        what it declares where it is alone.
        """
        predictor = None
        for index in cls.asked_order(options):
            if predictor := options.every[index].provides.predictor:
                predictor = replace(predictor, prefix=f"parts.{index}.{predictor.prefix}")
                break
        asked = [
            (index, options.every[index].provides.scorer) for index in cls.asked_order(options)
        ]
        scorers = [
            replace(scorer, prefix=f"parts.{index}.{scorer.prefix}")
            for index, scorer in asked
            if scorer is not None
        ]
        # pseudo-likelihoods first, which most objectives have and can be compared by
        scorer = min(scorers, key=lambda each: each.is_left_to_right, default=None)
        heads = (cls.head_in(index, part) for index, part in enumerate(options.every))
        soft_head = next(filter(None, heads), None)
        return Provisions(predictor, soft_head, moves_tokens=True, scorer=scorer)

    @staticmethod
    def head_in(index: int, part: Part) -> str | None:
        """Return where a part's soft head is saved, if it has one."""
        head = part.provides.soft_head
        return head and f"parts.{index}.{head}"

    @classmethod
    def controls(cls, options: PartsT) -> Controls:
        """Return each part alone, over the whole budget."""
        return {
            f"{part.label} alone": (part.objective, part.options.canonical())
            for part in options.every
        }


def summed(prices: Iterable[Flops]) -> Flops:
    """Return the sum of costs."""
    return sum(prices, Flops())


def price_of(part: Part, shape: StepShape) -> Flops:
    """Return what a step of a part alone costs."""
    return part.kind.flops_per_step(part.options, shape)
