"""One compute budget for a pretraining and a fine-tune, and how it is shared out."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from mae_bench.specs.base import Frozen, InWords, Positive


def percent(ratio: float) -> str:
    """Return a ratio as labels and tables write it, such as ``25%``."""
    return f"{100 * ratio:.3g}%"


def at_share(label: str, ratio: float) -> str:
    """Return the label of an arm at one share of a budget, such as ``mlm (25%)``."""
    return f"{label} ({percent(ratio)})"


class BudgetSplit(Frozen):
    """One compute budget, shared out between a pretraining and each fine-tune of it.

    Attributes:
        flops: floating-point operations of one pretraining and one fine-tune together, by the cost
            formulas; the fine-tune is the one at the chosen learning rate.
        pretrain_ratios: shares of it that the pretraining gets, in place of `pretrain.budget`;
            the fine-tune gets the rest, in place of its epochs. At 0 nothing is pretrained.
    """

    flops: Positive
    pretrain_ratios: Annotated[
        tuple[Annotated[float, Field(ge=0, lt=1)], ...],
        Field(min_length=1),
        InWords("a list of at least 1 number in [0, 1): with 1 nothing is left for a fine-tune"),
    ]

    @model_validator(mode="after")
    def _ratios(self) -> Self:
        if not any(self.pretrain_ratios):
            raise ValueError(
                "pretrain_ratios must hold one above 0, got 0 alone, where nothing is pretrained; "
                "add another"
            )
        names = [percent(ratio) for ratio in self.pretrain_ratios]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"pretrain_ratios must differ in their percents, which name them in rows and "
                    f"tables, got {name} twice; drop one, or set them further apart"
                )
        return self
