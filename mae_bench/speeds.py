"""The specification of a measurement of step times, and its cells; neither needs torch."""

from dataclasses import asdict, dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mae_bench.specs import BackboneSpec, Count, Frozen, Letter, Name, Precision, Ratio


class SpeedShape(Frozen):
    """One encoder with its vocabulary and its batch."""

    label: str
    backbone: BackboneSpec
    vocab_size: Annotated[int, Field(ge=300)]
    row_length: Annotated[int, Field(ge=8)] = 128
    batch_rows: Count = 16


class SpeedReference(Frozen):
    """A published relative cost, beside that of the formula at the published shape.

    Attributes:
        text: what was published, in a phrase.
        value: its cost relative to an mlm's.
        letter: how the number is known: a key of `specs.LETTERS`.
        source: paper, table, repository.
        shape: of the paper.
        mask_ratio: of the paper.
        decoder_layers: of the paper.
    """

    text: str
    value: Annotated[float, Field(gt=0)]
    letter: Letter
    source: str
    shape: SpeedShape
    mask_ratio: Ratio
    decoder_layers: Count


class SpeedSpec(Frozen):
    """Step times of a mae against an mlm's, beside their FLOPs.

    Attributes:
        expectation: how long it takes where, and what it can see.
        shapes: that are timed.
        mask_ratios: of the mae, ascending.
        decoder_layers: of the mae.
        control_ratio: mask ratio of the mlm.
        rounds: how often each is timed, in turns; the interval is over rounds.
        tolerance: by how much a measured relative cost may differ from that of the formula, and a
            measured break-even from the rule.
    """

    kind: Literal["speed"]
    name: Name
    description: str = ""
    expectation: str = ""
    shapes: Annotated[tuple[SpeedShape, ...], Field(min_length=1)]
    mask_ratios: Annotated[tuple[Ratio, ...], Field(min_length=2)]
    decoder_layers: Annotated[tuple[Count, ...], Field(min_length=1)] = (1,)
    control_ratio: Ratio = 0.15
    rounds: Annotated[int, Field(ge=2)] = 6
    tolerance: Ratio = 0.15
    precision: Precision = "fp32"
    references: tuple[SpeedReference, ...] = ()

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if list(self.mask_ratios) != sorted(set(self.mask_ratios)):
            raise ValueError(f"mask_ratios must ascend, got {list(self.mask_ratios)}; sort them")
        return self


@dataclass(frozen=True)
class SpeedCell:
    """One mae against the mlm of its shape.

    Attributes:
        depth: layers of the encoder.
        flops: of a step, by the formula.
        control_flops: of the mlm's step.
        seconds: of a step, round by round; empty where it was not timed.
        control_seconds: of the mlm's step, in the same rounds.
    """

    shape: str
    mask_ratio: float
    decoder_layers: int
    depth: int
    flops: float
    control_flops: float
    seconds: tuple[float, ...] = ()
    control_seconds: tuple[float, ...] = ()

    @property
    def predicted(self) -> float:
        """Relative cost by the formula."""
        return self.flops / self.control_flops

    @property
    def measured(self) -> tuple[float, ...]:
        """Relative cost of each round."""
        pairs = zip(self.seconds, self.control_seconds, strict=True)
        return tuple(ours / theirs for ours, theirs in pairs)

    def record(self) -> dict[str, object]:
        """Return JSON-ready content."""
        return asdict(self) | {"predicted": self.predicted, "measured": list(self.measured)}
