"""Which of two sentences is likelier, without training: accuracy of an objective's own scores.

BLiMP (Warstadt et al. 2020, arXiv:1912.00582), scored by pseudo-log-likelihood as by Salazar et al.
(2020, arXiv:1910.14659). Legend: N examples.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mae_bench.errors import DataError, SpecError
from mae_bench.tasks.base import Examples, Labels
from mae_bench.tasks.kinds.base import KINDS
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.scored import ScoredKind, TextScorer, ascending, by_content
from mae_bench.tasks.subsets import content_hash

if TYPE_CHECKING:
    from mae_bench.specs import ScoreRecipe

SAME = "pairs of one sentence twice"
TIE = -1  # a prediction that is never a label
LEAST_GAP = 1e-4  # nats; below it lies the rounding of sums over a batch


@KINDS.register("minimal_pair")
class MinimalPair(ScoredKind):
    """Of two sentences, which differ in little, one is acceptable.

    Labels are the place of the acceptable sentence, int64: 0 or 1.

    A data set's row holds the acceptable sentence in the first text field and the other in the
    second; ``label_field`` is the column of its group, or empty. The two are put into an order that
    a hash of their content decides, so that whatever predicts cannot know it. An example's texts
    are the two sentences and the name of the group.
    """

    num_texts = 2
    num_noisy = 2
    default_metrics = ("accuracy",)

    def check(self) -> None:
        """Check that there is nothing to learn from."""
        super().check()
        if not self.task.is_test_only or self.task.label_names:
            raise SpecError(
                f"task '{self.task.name}' of kind '{self.task.kind}' has no labels to learn; set "
                "is_test_only=True and leave label_names empty"
            )

    def read_example(
        self, texts: Sequence[object], label: object, where: str
    ) -> tuple[tuple[str, ...], int] | None:
        """Return the sentences in a blind order and their group, and the place of the first.

        A pair of one sentence twice has no use: nothing could tell which is acceptable.
        """
        fields = zip(self.task.text_fields, texts, strict=True)
        good, bad = (self.read_text(text, name, where).strip() for name, text in fields)
        if good == bad:
            self.skipped[SAME] += 1
            return None
        if self.task.label_field and not isinstance(label, str):
            raise DataError(
                f"the group of {where} must be text, got {label!r}; name a column of words in "
                "label_field, or leave it empty"
            )
        is_second = content_hash((good, bad)) > content_hash((bad, good))
        pair = (bad, good) if is_second else (good, bad)
        return (*pair, label if isinstance(label, str) else ""), int(is_second)

    def read_label(self, value: object, where: str) -> int:
        """Return a place."""
        if not isinstance(value, int) or value not in (0, 1):
            raise DataError(f"the place in {where} must be 0 or 1, got {value!r}")
        return value

    def array(self, labels: Sequence[object]) -> Labels:
        """Return int64 places."""
        return np.array(labels, dtype=np.int64)

    @property
    def described(self) -> str:
        """The acceptable one of two sentences."""
        return "minimal pairs"

    def floor(self, train: Examples, examples: Examples) -> Values:
        """Return the first place: right in every second pair."""
        return np.zeros(len(examples), dtype=np.int64)

    def sample(self, examples: Examples, recipe: "ScoreRecipe") -> Values:
        """Return ``max_pairs`` pairs: of each group its share, the first by content hash."""
        if len(examples) <= recipe.max_pairs:
            return np.arange(len(examples))
        groups: dict[str, list[int]] = {}
        for number in by_content(examples):
            groups.setdefault(examples.texts[2][number], []).append(number)
        share = recipe.max_pairs / len(examples)
        exact = {group: share * len(members) for group, members in groups.items()}
        counts = {group: math.floor(count) for group, count in exact.items()}
        missing = recipe.max_pairs - sum(counts.values())
        for group in sorted(exact, key=lambda name: (counts[name] - exact[name], name))[:missing]:
            counts[group] += 1
        return ascending(n for group, members in groups.items() for n in members[: counts[group]])

    def judge(
        self, examples: Examples, scorer: TextScorer, recipe: "ScoreRecipe"
    ) -> tuple[Values, Mapping[str, float]]:
        """Return the place of the likelier sentence, `TIE` where neither is; accuracy by group."""
        first, second, groups = examples.texts
        scores = scorer.log_likelihoods([*first, *second])
        gap = scores[: len(examples)] - scores[len(examples) :]
        likelier = np.where(gap > LEAST_GAP, 0, np.where(gap < -LEAST_GAP, 1, TIE))
        is_right, named = likelier == examples.labels, np.array(groups)
        by_group = {
            f"accuracy/{group}": float(is_right[named == group].mean())
            for group in sorted(set(groups) - {""})
        }
        return likelier, by_group
