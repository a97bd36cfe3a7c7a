"""How likely a text is by an objective's own scores, in units that no tokenizer chooses.

Per word and per character, as Salazar et al. (2020, arXiv:1910.14659) normalise
pseudo-perplexities; Kauf & Ivanova (2023, arXiv:2305.10588) show what tokens of one word give away.
Legend: N documents.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mae_bench.data.word_units import count_words, stretches
from mae_bench.errors import DataError, SpecError
from mae_bench.tasks.base import Examples, Labels
from mae_bench.tasks.kinds.base import KINDS
from mae_bench.tasks.metrics import METRICS, Values
from mae_bench.tasks.scored import ScoredKind, TextScorer, ascending, by_content

if TYPE_CHECKING:
    from mae_bench.specs import ScoreRecipe

EMPTY = "empty documents"
MAX_NATS = 700.0  # a word, at most, so that its exponential is a number
PSEUDO, LEFT_TO_RIGHT = "pseudo", "causal"  # beginnings of metrics, which are never compared


@KINDS.register("language_model")
class LanguageModel(ScoredKind):
    """Whole documents, scored by how well a model predicts their text.

    Labels are lengths of documents in characters, int64, blanks between words included.

    No label is read: ``label_field`` is empty. Predictions are the nats that a document costs.
    """

    default_metrics = ("pseudo_bits_per_character",)

    def check(self) -> None:
        """Check that there is nothing to learn from, and no label."""
        super().check()
        if not self.task.is_test_only or self.task.label_names or self.task.label_field:
            raise SpecError(
                f"task '{self.task.name}' of kind '{self.task.kind}' has no labels; leave out "
                "`label`; in a definition set is_test_only=True and leave label_names and "
                "label_field empty"
            )

    def read_example(
        self, texts: Sequence[object], label: object, where: str
    ) -> tuple[tuple[str, ...], int] | None:
        """Return a document without the blanks around it, and its length."""
        text = self.read_text(texts[0], self.task.text_fields[0], where).strip()
        if not text:
            self.skipped[EMPTY] += 1
            return None
        return (text,), len(text)

    def read_label(self, value: object, where: str) -> int:
        """Return a length."""
        if not isinstance(value, int) or value < 1:
            raise DataError(f"the length in {where} must be a number from 1, got {value!r}")
        return value

    def array(self, labels: Sequence[object]) -> Labels:
        """Return int64 lengths."""
        return np.array(labels, dtype=np.int64)

    @property
    def described(self) -> str:
        """No label: the text itself."""
        return "text"

    def floor(self, train: Examples, examples: Examples) -> Values:
        """Return the nats of bytes that are all as likely: 8 bits each."""
        num_bytes = [len(text.encode("utf-8", "surrogatepass")) for text in examples.texts[0]]
        return np.array(num_bytes, dtype=np.float64) * math.log(256)

    def sample(self, examples: Examples, recipe: "ScoreRecipe") -> Values:
        """Return documents by content hash, as many as ``max_characters`` hold; at least one."""
        chosen: list[int] = []
        left = recipe.max_characters
        for number in by_content(examples):
            left -= int(examples.labels[number])
            if left < 0 and chosen:
                break
            chosen.append(number)
        return ascending(chosen)

    def judge(
        self, examples: Examples, scorer: TextScorer, recipe: "ScoreRecipe"
    ) -> tuple[Values, Mapping[str, float]]:
        """Return the nats of each document; perplexity a word, and words that were recovered."""
        windows = [stretches(text, recipe.window_words) for text in examples.texts[0]]
        texts = [window for document in windows for window in document]
        owner = np.repeat(np.arange(len(windows)), [len(document) for document in windows])
        nats = np.bincount(owner, -scorer.log_likelihoods(texts), minlength=len(windows))
        name = LEFT_TO_RIGHT if scorer.is_left_to_right else PSEUDO
        num_words = sum(count_words(text) for text in examples.texts[0])
        bits = METRICS.get(f"{name}_bits_per_character")(examples.labels, nats, 1)
        metrics = {
            f"{name}_bits_per_character": bits,
            f"{name}_perplexity_per_word": math.exp(min(float(nats.sum()) / num_words, MAX_NATS)),
        }
        for ratio in () if scorer.is_left_to_right else recipe.word_ratios:
            seen = scorer.recover(texts, ratio)
            percent = f"{100 * ratio:g}"
            metrics[f"masked_word_accuracy_{percent}"] = seen.right / seen.hidden
            metrics[f"word_error_{percent}"] = (seen.hidden - seen.right) / seen.read
        return nats, metrics
