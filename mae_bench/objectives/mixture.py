"""A weighted sum of objectives: one backbone, one batch, one step."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Self

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor

from mae_bench.costs import Flops, StepShape
from mae_bench.draws import Draws
from mae_bench.errors import SpecError
from mae_bench.masking import RatioSchedule
from mae_bench.model.across_ranks import rebalanced
from mae_bench.model.means import Number
from mae_bench.objectives.base import (
    OBJECTIVES,
    Block,
    LossOutput,
    Requirements,
    View,
)
from mae_bench.objectives.part_entries import Part, Parts, parse_parts
from mae_bench.objectives.parts import Composite, PartsOptions, price_of, summed
from mae_bench.specs import BackboneSpec


class WeightSchedule(RatioSchedule):
    """A weight that moves from ``start`` to ``end`` over the budget."""

    start: Annotated[float, Field(ge=0)]
    end: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _is_used(self) -> Self:
        if self.start == self.end == 0:
            raise ValueError("a weight that starts and ends at 0 is never used; drop the part")
        return self

    @property
    def ends(self) -> tuple[float, float]:
        """The weights before the first step and after the last."""
        return self.start, self.end


Weight = Annotated[float, Field(gt=0)] | WeightSchedule


@dataclass(frozen=True)
class MixtureView(View):
    """The views of all parts; the encoder's first input is that of the first part.

    ``weights`` is [B, P], the same in every row.
    """

    weights: Tensor | None = None


@OBJECTIVES.register("mixture")
class Mixture(Composite["Mixture.Options"]):
    """The sum of the parts' losses, each times its weight; it is not divided by the weights.

    All parts see the same rows under the same draws, and each encodes its own view of them, so
    that the costs add up; a part is paid for also while a schedule gives it the weight 0.
    """

    name = "mixture"
    summary = "a weighted sum of other objectives, with weights that may move during training"
    source = "Aroca-Ouellette & Rudzicz 2020, arXiv:2010.01694 (several tasks at once)"
    example: ClassVar[Mapping[str, object]] = {"parts": {"mlm": 1.0, "contrastive": 0.2}}

    class Options(PartsOptions):
        """``parts`` maps objectives, or labels with ``objective`` inside, to options.

        Attributes:
            parts: each with a ``weight`` of 1 beside its options, or a schedule of ``start``,
                ``end`` and ``shape``. A part is no mixture and has no phases.
        """

        AMOUNT: ClassVar[str] = "weight"
        parts: Parts

        @field_validator("parts", mode="before")
        @classmethod
        def _parsed(cls, raw: object) -> list[Part]:
            parts = parse_parts(raw, cls.AMOUNT, Weight, 1.0)
            return sorted(parts, key=lambda part: part.label)

        @property
        def every(self) -> tuple[Part, ...]:
            """The parts by label, so that their order is the same however they are written."""
            return self.parts

        @property
        def weights(self) -> list[float | WeightSchedule]:
            """Of the parts, in order."""
            return [part.amount for part in self.every]

    def corrupt(self, block: Block, draws: Draws) -> MixtureView:
        """Return every part's view of the rows, and the weights at this point of the budget."""
        views: dict[str, View] = {
            part.label: objective.corrupt(block, draws)  # type: ignore[operator]
            for part, objective in zip(self.options.every, self.parts, strict=True)
        }
        now = [w if isinstance(w, float) else w.at(draws.progress) for w in self.options.weights]
        # filled on the device: numbers that are copied to it would make it wait
        filled = [torch.full((), weight, device=block.ids.device) for weight in now]
        weights = torch.stack(filled).expand(len(block.ids), -1)
        first = next(iter(views.values()))
        return MixtureView(
            first.input_ids, first.positions, first.is_pad, parts=views, weights=weights
        )

    def forward(self, view: View) -> LossOutput:
        """Return the weighted sum; as metrics each part's own loss and metrics."""
        assert isinstance(view, MixtureView) and view.weights is not None
        outputs = {
            label: self.loss_of(i, part) for i, (label, part) in enumerate(view.parts.items())
        }
        predicted: Number = sum(output.predicted for output in outputs.values())
        loss = view.weights.new_zeros(())
        metrics: dict[str, Tensor] = {}
        for index, (label, output) in enumerate(outputs.items()):
            own = rebalanced(output.loss, output.predicted, predicted)
            loss = loss + view.weights[0, index] * own
            metrics[f"{label} loss"] = output.loss.detach()  # the graph is freed with the step
            metrics |= {f"{label} {name}": value for name, value in output.metrics.items()}
        return LossOutput(loss, predicted, metrics)

    @classmethod
    def requires(cls, options: Options) -> Requirements:
        """Also progress where a weight moves; each part's loss is a mean over tokens of its own."""
        required, weights = super().requires(options), options.weights
        moves = any(isinstance(weight, WeightSchedule) for weight in weights)
        follows = required.follows_progress or moves
        return replace(required, follows_progress=follows, counts_apart=True)

    @classmethod
    def flops_per_step(cls, options: Options, shape: StepShape) -> Flops:
        """All parts."""
        return summed(price_of(part, shape) for part in options.every)

    @classmethod
    def check(cls, options: Options, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError for a part that does not fit or is nested, or weights that are all 0."""
        for part in options.every:
            if issubclass(part.kind, Composite):
                raise SpecError(
                    f"part '{part.label}' is itself made of parts; write its parts into this "
                    "mixture, or make this mixture one of the `phases`"
                )
        for index, when in enumerate(("at the start", "at the end")):
            ends = [(w, w) if isinstance(w, float) else w.ends for w in options.weights]
            if sum(end[index] for end in ends) == 0:
                raise SpecError(f"all weights are 0 {when} of training; one must be above 0 there")
        super().check(options, spec, row_length)
