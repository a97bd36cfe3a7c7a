"""How much is hidden: a fixed ratio, or one that moves while training goes on.

A schedule is a function of the share of the budget that is spent, so a resumed run hides the
same tokens. Source: Ankner et al. 2024, arXiv:2305.15096 (linear 30% to 15%).
"""

import math
from collections.abc import Callable
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mae_bench.costs import Flops
from mae_bench.specs import Count, Frozen, Ratio

GRID = 200  # points of the budget at which the price of a schedule is averaged


class RatioSchedule(Frozen):
    """A ratio that moves from ``start`` to ``end``.

    Attributes:
        shape: ``step`` holds ``num_levels`` equally spaced ratios for equal shares of the budget.
        num_levels: of ``step`` alone.
    """

    start: Ratio
    end: Ratio
    shape: Literal["linear", "cosine", "step"] = "linear"
    num_levels: Annotated[Count, Field(ge=2)] = 2

    @model_validator(mode="after")
    def _levels(self) -> Self:
        if self.shape != "step" and "num_levels" in self.model_fields_set:
            raise ValueError(f"num_levels belongs to shape 'step', got shape '{self.shape}'")
        return self

    def at(self, progress: float) -> float:
        """Return the ratio when this share of the budget, in [0, 1], is spent."""
        if self.shape == "cosine":
            done = (1 - math.cos(math.pi * progress)) / 2
        elif self.shape == "step":
            level = min(int(progress * self.num_levels), self.num_levels - 1)
            done = level / (self.num_levels - 1)
        else:
            done = progress
        return self.start + (self.end - self.start) * done


MaskRatio = Ratio | RatioSchedule


def ratio_at(ratio: float | RatioSchedule, progress: float) -> float:
    """Return the ratio when this share of the budget is spent."""
    return ratio.at(progress) if isinstance(ratio, RatioSchedule) else ratio


def extremes(ratio: float | RatioSchedule) -> tuple[float, float]:
    """Return the smallest and the largest ratio that training will see."""
    if isinstance(ratio, RatioSchedule):
        return min(ratio.start, ratio.end), max(ratio.start, ratio.end)
    return ratio, ratio


def mean_flops(ratio: float | RatioSchedule, price: Callable[[float], Flops]) -> Flops:
    """Return the price of an average step: ``price`` of the ratio, over the whole schedule."""
    if not isinstance(ratio, RatioSchedule):
        return price(ratio)
    prices = [price(ratio.at((step + 0.5) / GRID)) for step in range(GRID)]
    return sum(prices[1:], prices[0]).scaled(1 / GRID)
