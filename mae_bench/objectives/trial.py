"""The part of an Optuna trial that a search space uses, so that objectives need no Optuna."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

Choice = TypeVar("Choice")


class Trial(Protocol):
    """The part of an Optuna trial that a search space uses."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Draw a number."""

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Draw a whole number."""

    def suggest_categorical(self, name: str, choices: Sequence[Choice]) -> Choice:
        """Draw one of the choices."""
