"""What a noise is: how it changes a text, what its rate counts, and which texts it can change."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar

from mae_bench.data.noises.tables import ErrorTable, TableSource
from mae_bench.registry import Registry

Unit = Literal["letter", "character", "mark", "word", "text", "label", "of its own"]
F = TypeVar("F", bound=Callable[..., str])


@dataclass(frozen=True)
class NoiseContext:
    """What a noise knows of the texts beside their characters.

    Attributes:
        language: of the task, as ISO 639; several with ``+``.
        table: of the errors that people made, for a noise that needs one.
    """

    language: str = "en"
    table: ErrorTable | None = None


ENGLISH = NoiseContext()


def fits_every_language(language: str) -> str:
    """Return no reason against any language."""
    return ""


@dataclass(frozen=True, eq=False)
class Noise:
    """A registered noise.

    Attributes:
        change: called with (text, rate, random numbers of this example, context); returns the
            noisy text. It draws for every unit whatever the rate, so that what is hit at a rate
            is hit at every higher one.
        unit: what the rate is a share of.
        keeps_words: whether blanks stay as they are, so that words stay in step; then words with
            tags can have it.
        refusal: returns why texts of a language stay as they are, a clause; empty if they do not.
        table: where its errors come from; None if it needs no data.
        version: part of ids, for a noise of another package.
    """

    change: Callable[..., str]
    unit: Unit
    keeps_words: bool
    refusal: Callable[[str], str] = fits_every_language
    table: TableSource | None = None
    version: str | None = None

    @property
    def summary(self) -> str:
        """The first line of its documentation."""
        return (self.change.__doc__ or "").strip().partition("\n")[0]

    @property
    def is_of_labels(self) -> bool:
        """Whether it changes labels and no text."""
        return self.unit == "label"

    def __call__(self, text: str, rate: float, rng: random.Random) -> str:
        """Return a noisy text of English, which needs no table."""
        return self.change(text, rate, rng, ENGLISH)


NOISES: Registry[Any] = Registry("noise", "noises")
"""Each is a `Noise`, or a plain function of (text, rate, random numbers of this example)."""


def add_noise(
    name: str,
    *,
    unit: Unit,
    keeps_words: bool,
    refusal: Callable[[str], str] = fits_every_language,
    table: TableSource | None = None,
) -> Callable[[F], F]:
    """Return a decorator that registers a function as a noise; see `Noise`."""

    def add(change: F) -> F:
        NOISES.register(name)(Noise(change, unit, keeps_words, refusal, table))
        return change

    return add


def noise_of(name: str) -> Noise:
    """Return a noise by its name.

    Raises:
        UnknownNameError: nobody registered it.
    """
    part = NOISES.get(name)
    return part if isinstance(part, Noise) else _wrapped(part)


@cache
def _wrapped(function: Callable[[str, float, random.Random], str]) -> Noise:
    """Return a plain function as a noise, of which nothing more is known."""

    def change(text: str, rate: float, rng: random.Random, context: NoiseContext) -> str:
        return function(text, rate, rng)

    change.__doc__ = function.__doc__
    return Noise(change, "of its own", keeps_words=getattr(function, "keeps_words", False))
