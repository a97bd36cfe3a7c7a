"""Floating-point operations that a protocol spends in the encoder, over padded tokens."""

import math
from collections.abc import Sequence

from mae_bench.backbones import content_of, find_architecture
from mae_bench.costs import TRAIN, Stack, stack_of_config
from mae_bench.training.measured_cost import MeasuredCost, measure_cost


class OperationCount:
    """A running count; the head and a probe's solver are left out, being below 1%."""

    def __init__(self, config: object) -> None:
        """Read the sizes of a loaded encoder; one that is not registered is counted by torch."""
        self._cost: Stack | MeasuredCost | None
        is_known = find_architecture(content_of(config)) is not None
        self._cost = stack_of_config(config) if is_known else measure_cost(config)
        self._operations = 0.0

    @property
    def total(self) -> float | None:
        """Operations so far; None where what the encoder costs is unknown."""
        return None if self._cost is None else self._operations

    def price(self, shape: Sequence[int], passes: int = TRAIN) -> float | None:
        """Return what a step over ids of this shape takes; None where it is unknown."""
        if self._cost is None:
            return None
        return passes * self._cost.forward(math.prod(shape[:-1]), shape[-1])

    def add_training(self, shape: Sequence[int], passes: int = TRAIN) -> None:
        """Count a forward and a backward pass over ids of this shape, as so many forward passes."""
        self._add(shape, passes)

    def add_reading(self, shape: Sequence[int]) -> None:
        """Count a forward pass over ids of this shape."""
        self._add(shape, 1)

    def _add(self, shape: Sequence[int], passes: int) -> None:
        self._operations += self.price(shape, passes) or 0.0
