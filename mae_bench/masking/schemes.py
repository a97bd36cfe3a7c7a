"""What a masking scheme is, and how a study names one.

A scheme gives every position a score; the positions with the smallest scores are hidden, exactly
as many as the ratio asks for. So every scheme works with every objective.
Legend: B rows, L positions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator
from torch import Tensor

from mae_bench.draws import Draws
from mae_bench.masking.lexicon import Lexicon
from mae_bench.registry import Registry
from mae_bench.specs import Frozen, Share


@dataclass(frozen=True)
class Context:
    """What a scheme may look at.

    Attributes:
        ids: [B, L] token ids.
        is_maskable: [B, L], False at [CLS], [SEP] and padding.
        wanted: [B, 1] tokens to hide in each row.
        draws: of the step.
        masking: the scheme's parameters.
        lexicon: of the corpus; None where the scheme does not need it.
    """

    ids: Tensor
    is_maskable: Tensor
    wanted: Tensor
    draws: Draws
    masking: "Masking"
    lexicon: Lexicon | None


@dataclass(frozen=True)
class Scheme:
    """A registered way to choose tokens.

    Attributes:
        name: as studies write it.
        summary: one line.
        source: the paper.
        scores: [B, L] float of a context; ties go to the earlier position.
        parameters: fields of `Masking` that it reads.
        needs_lexicon: whether it looks at words, counts or n-grams.
        needs_ngrams: whether the corpus' n-grams must be counted first.
        max_ratio: the largest share that it can hide.
    """

    name: str
    summary: str
    source: str
    scores: Callable[[Context], Tensor]
    parameters: tuple[str, ...] = ()
    needs_lexicon: bool = False
    needs_ngrams: bool = False
    max_ratio: float = 1.0


MASKINGS: Registry[Scheme] = Registry("masking scheme", "maskings")


def scheme(
    name: str, summary: str, source: str, **facts: Any
) -> Callable[[Callable[[Context], Tensor]], Callable[[Context], Tensor]]:
    """Return a decorator that registers a function of scores as a scheme."""

    def add(scores: Callable[[Context], Tensor]) -> Callable[[Context], Tensor]:
        MASKINGS.register(name)(Scheme(name, summary, source, scores, **facts))
        return scores

    return add


class Masking(Frozen):
    """Which tokens are hidden; written as a scheme's name, or as a mapping with parameters.

    Attributes:
        scheme: a registered name.
        mean_length: of a span, in tokens.
        rarity: how much more often rare tokens are hidden: the exponent of 1 / count.
        short_ratio: share hidden of the shortest text, growing linearly with length to the
            mask ratio at a full row; None hides the same share of every text.
    """

    OWN: ClassVar[tuple[str, ...]] = ("mean_length", "rarity")

    scheme: str = "random"
    mean_length: Annotated[float, Field(ge=1)] = 3.0
    rarity: Annotated[float, Field(ge=0)] = 0.5
    short_ratio: Share | None = None

    @model_validator(mode="before")
    @classmethod
    def _name(cls, value: object) -> object:
        if isinstance(value, str):
            return {"scheme": value}
        if not isinstance(value, dict | Masking):
            raise ValueError(
                f"must be the name of a scheme ({', '.join(MASKINGS.names())}) or a mapping of "
                f"{', '.join(cls.model_fields)}"
            )
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.model_fields_set:  # the default, made while third parties are not loaded yet
            return self
        known = MASKINGS.get(self.scheme).parameters
        for name in self.OWN:
            if name in self.model_fields_set and name not in known:
                raise ValueError(
                    f"masking scheme '{self.scheme}' has no parameter '{name}'; "
                    f"its parameters: {', '.join((*known, 'short_ratio'))}"
                )
        return self


__all__ = ["MASKINGS", "Context", "Masking", "Scheme", "scheme"]
