"""Floating-point operations that a protocol spends in the encoder, over padded tokens."""

from collections.abc import Sequence

from mae_bench.costs import TRAIN, Stack, stack_of_config


class OperationCount:
    """A running count; the head and a probe's solver are left out, being below 1%."""

    def __init__(self, config: object) -> None:
        """Read the sizes of a loaded encoder."""
        self._stack: Stack | None
        try:
            self._stack = stack_of_config(config)
        except KeyError:  # an encoder that names its sizes otherwise
            self._stack = None
        self._operations = 0.0

    @property
    def total(self) -> float | None:
        """Operations so far; None where the encoder's sizes are unknown."""
        return None if self._stack is None else self._operations

    def add_training(self, shape: Sequence[int], passes: int = TRAIN) -> None:
        """Count a forward and a backward pass over ids of this shape, as so many forward passes."""
        self._add(shape, passes)

    def add_reading(self, shape: Sequence[int]) -> None:
        """Count a forward pass over ids of this shape."""
        self._add(shape, 1)

    def _add(self, shape: Sequence[int], passes: int) -> None:
        if self._stack is not None:
            self._operations += passes * self._stack.forward(shape[0], shape[1])
