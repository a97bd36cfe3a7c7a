"""Recipes of the protocols that read a frozen encoder and train little or nothing on it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mae_bench.specs.base import Count, Frozen, Positive, Precision


class VectorRecipe(Frozen):
    """How a frozen encoder makes vectors of texts.

    Attributes:
        poolings: how token vectors become one for a text: their mean, that of [CLS], or the last;
            chosen on the selection part.
        max_length: longest text in tokens; a longer one is cut.
        batch_size: texts that are encoded together.
        precision: of the encoder; ``auto`` is bf16 where the hardware computes it natively.
    """

    poolings: Annotated[tuple[Literal["mean", "cls", "last"], ...], Field(min_length=1)] = (
        "mean",
        "cls",
    )
    max_length: Count = 128
    batch_size: Count = 64
    precision: Precision = "auto"


class Cloze(Frozen):
    """A prompt with a gap, and what fills the gap for each label.

    Attributes:
        prompt: text with ``{mask}``, the gap, and ``{text}``; of a pair ``{text_b}``, too.
        words: label name -> what stands in the gap for it.
    """

    prompt: str
    words: dict[str, str]

    @model_validator(mode="after")
    def _has_a_gap(self) -> Self:
        if self.prompt.count("{mask}") != 1 or self.prompt.count("{text}") != 1:
            raise ValueError(
                "prompt must hold {text} and {mask} once each, as in '{text} It was {mask}.', got "
                f"'{self.prompt}'"
            )
        return self


class ZeroShotRecipe(VectorRecipe):
    """Nothing is trained: cosine of pooled vectors, or words in the gap of a prompt.

    Attributes:
        clozes: task -> its prompt, in place of the packaged one.
    """

    clozes: dict[str, Cloze] = {}


class KnnRecipe(VectorRecipe):
    """Nearest neighbours among the vectors of the training texts.

    Attributes:
        num_neighbours: grid of k, chosen on the selection part; those above the training set's
            size are left out.
        temperature: of the vote, exp(cosine / temperature).
    """

    num_neighbours: Annotated[tuple[Count, ...], Field(min_length=1)] = (1, 5, 10, 20, 50)
    temperature: Annotated[float, Field(ge=0.01)] = 0.07


class FewShotRecipe(VectorRecipe):
    """Logistic regression on the vectors of a few examples of each class, drawn again and again.

    Attributes:
        poolings: one, since so few examples can choose nothing.
        shots: examples of each class that a draw holds.
        draws: how many training sets are drawn.
        inverse_penalty: C of logistic regression on standardised features; fixed.
        max_iter: most iterations of the solver.
    """

    poolings: Annotated[
        tuple[Literal["mean", "cls", "last"], ...], Field(min_length=1, max_length=1)
    ] = ("mean",)
    shots: Count = 16
    draws: Count = 10
    inverse_penalty: Positive = 1.0
    max_iter: Count = 1000
