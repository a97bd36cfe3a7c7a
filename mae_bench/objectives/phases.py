"""Objectives one after another over shares of one budget, as in a curriculum."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from mae_bench.costs import Flops, StepShape
from mae_bench.draws import Draws
from mae_bench.errors import SpecError
from mae_bench.objectives.base import (
    OBJECTIVES,
    Block,
    LossOutput,
    Provisions,
    Requirements,
    View,
)
from mae_bench.objectives.part_entries import Part, Parts, parse_parts
from mae_bench.objectives.parts import Composite, PartsOptions, price_of, summed
from mae_bench.specs import BackboneSpec

PhaseShare = Annotated[float, Field(gt=0, le=1)]


@OBJECTIVES.register("phases")
class Phases(Composite["Phases.Options"]):
    """Train by one objective after another; evaluate by the last.

    A phase's schedules run over the phase. The learning rate knows no phases.
    """

    name = "phases"
    summary = "other objectives one after another, each for a share of the budget"
    source = (
        "Bengio et al. 2009, doi:10.1145/1553374.1553380; causal before masked: Gisserot-Boukhlef "
        "et al. 2025, arXiv:2507.00994"
    )
    example: ClassVar[Mapping[str, object]] = {"steps": {"causal": 0.25, "mlm": 0.75}}

    class Options(PartsOptions):
        """``steps`` maps objectives, or labels with ``objective`` inside, to options, in order.

        Attributes:
            steps: each with its ``share`` of the training steps beside its options; the shares
                sum to 1. A phase may be a mixture, and has no phases.
            resets_optimizer: whether the optimizer forgets its moments where a phase begins.
        """

        AMOUNT: ClassVar[str] = "share"
        steps: Parts
        resets_optimizer: bool = False

        @field_validator("steps", mode="before")
        @classmethod
        def _parsed(cls, raw: object) -> list[Part]:
            return parse_parts(raw, cls.AMOUNT, PhaseShare)

        @model_validator(mode="after")
        def _whole(self) -> Self:
            total = sum(part.amount for part in self.every)
            if abs(total - 1) > 1e-6:
                raise ValueError(f"the shares of all steps must sum to 1, they sum to {total:g}")
            return self

        @property
        def every(self) -> tuple[Part, ...]:
            """The phases, in order."""
            return self.steps

        @property
        def borders(self) -> tuple[float, ...]:
            """Where each phase begins, and 1.

            Rounded, so that shares of .1 and .2 end at .3, where step 3 of 10 begins.
            """
            sums = [sum(p.amount for p in self.every[:i]) for i in range(len(self.every))]
            return (*(round(begin, 9) for begin in sums), 1.0)

        def phase_at(self, progress: float) -> int:
            """Return which phase a share of the budget falls into; the last at 1."""
            return max(i for i, begin in enumerate(self.borders[:-1]) if begin <= progress)

    def corrupt(self, block: Block, draws: Draws) -> View:
        """Return the view of the phase that the draws' progress falls into."""
        index = self.options.phase_at(draws.progress)
        begin, end = self.options.borders[index : index + 2]
        # A schedule inside a phase runs over this phase, not over the whole budget.
        within = min(1.0, (draws.progress - begin) / (end - begin))
        view: View = self.parts[index].corrupt(  # type: ignore[operator]
            block, replace(draws, progress=within)
        )
        parts = {self.options.every[index].label: view}
        return View(view.input_ids, view.positions, view.is_pad, parts=parts)

    def forward(self, view: View) -> LossOutput:
        """Return the loss of the phase that made the view."""
        ((label, own),) = view.parts.items()
        index = [part.label for part in self.options.every].index(label)
        return self.loss_of(index, own)

    @classmethod
    def flops_per_step(cls, options: Options, shape: StepShape) -> Flops:
        """An average step: each phase by its share."""
        return summed(price_of(part, shape).scaled(part.amount) for part in options.every)

    @classmethod
    def check(cls, options: Options, spec: BackboneSpec, row_length: int) -> None:
        """Raise SpecError for a phase that does not fit, or has phases itself."""
        for part in options.every:
            if issubclass(part.kind, Phases):
                raise SpecError(
                    f"phase '{part.label}' has phases itself; write those here instead, with "
                    "their shares of the whole budget"
                )
        super().check(options, spec, row_length)

    @classmethod
    def asked_order(cls, options: Options) -> Iterable[int]:
        """Ask the last phase that can answer: its head has read the latest encoder."""
        return reversed(range(len(options.every)))

    @classmethod
    def requires(cls, options: Options) -> Requirements:
        """A step for each phase: a shorter one would never train. The optimizer may start anew."""
        return replace(
            super().requires(options),
            shares=tuple((part.label, part.amount) for part in options.every),
            restarts_at=options.borders[1:-1] if options.resets_optimizer else (),
            follows_progress=True,
        )

    @classmethod
    def provides(cls, options: Options) -> Provisions:
        """The soft head of the last phase: the encoder has gone on from where others read it."""
        last = options.every[-1]
        head = cls.head_in(len(options.every) - 1, last)
        return replace(super().provides(options), soft_head=head, places=last.provides.places)
