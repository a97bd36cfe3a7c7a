"""The recipe of the protocol that asks the objective itself how likely a text is."""

from typing import Literal, Self

from pydantic import model_validator

from mae_bench.specs.base import Count, Frozen, Precision, Ratio


class ScoreRecipe(Frozen):
    """What is read of a task, the same for every arm and seed, and how tokens are hidden.

    Attributes:
        within_word: what else is hidden while a token is scored: ``nothing`` (Salazar et al.
            2020), or with ``mask_right`` the tokens to its right in the same word, which would
            give it away (Kauf & Ivanova 2023). Left-to-right likelihoods have neither.
        max_pairs: minimal pairs that are read, chosen by content hash, from each group in
            proportion.
        max_characters: characters of a language modelling task that are read: whole documents,
            chosen by content hash, until the next would exceed it.
        window_words: words of a document that are read together; the rest is a text of its own.
        word_ratios: shares of the words that are hidden to have them recovered, all at once.
        max_length: longest text in tokens; a longer one is read in stretches of that many.
        batch_tokens: tokens that are read together.
        precision: of the objective.
    """

    within_word: Literal["nothing", "mask_right"] = "nothing"
    max_pairs: Count = 1000
    max_characters: Count = 20_000
    window_words: Count = 64
    word_ratios: tuple[Ratio, ...] = (0.15, 0.3, 0.5)
    max_length: Count = 128
    batch_tokens: Count = 8192
    precision: Precision = "fp32"

    @model_validator(mode="after")
    def _distinct_percents(self) -> Self:
        names = [f"{100 * ratio:g}" for ratio in self.word_ratios]
        if len(set(names)) < len(names):
            raise ValueError(
                "word_ratios must differ in their percents, which name the metrics, got "
                f"{', '.join(names)}"
            )
        return self
