"""Floors: baselines without an encoder. A result below them is no evidence on pretraining."""

import time
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from mae_bench.progress import Progress
from mae_bench.protocols.base import PROTOCOLS, Protocol, read_recipe
from mae_bench.protocols.linear_fit import best_of, linear_kind, try_penalties
from mae_bench.protocols.outcome import ProtocolResult, Trial, conclude, score
from mae_bench.protocols.splits import Splits
from mae_bench.protocols.tfidf import fit_tfidf
from mae_bench.specs import Count, EvaluateSpec, Frozen
from mae_bench.tasks.base import Examples, TaskData
from mae_bench.tasks.kinds.base import LinearKind, kind_of
from mae_bench.tasks.metrics import Values

# Rows of TF-IDF have length 1, so that less penalty is best than for standardised features.
TFIDF_GRID = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)


class MajorityRecipe(Frozen):
    """The commonest label, or the mean; it has no options."""


class TfidfRecipe(Frozen):
    """TF-IDF of word n-grams, 1 to ``max_ngram`` words, and a linear model.

    In scripts without blanks between words each character is a word.
    """

    max_ngram: Count = 2
    inverse_penalties: Annotated[tuple[float, ...], Field(min_length=1)] = TFIDF_GRID
    max_iter: Count = 1000


def run_majority(
    spec: EvaluateSpec, *, checkpoint: Path | None, task: TaskData, device: str, progress: Progress
) -> ProtocolResult:
    """Predict what the task's kind predicts without a text: the commonest label, or the mean.

    It is constant by design, so it is never flagged as collapsed.
    """
    started = time.perf_counter()
    read_recipe(spec, MajorityRecipe)
    splits = Splits(spec, task)
    kind = kind_of(task.task)

    def predict(examples: Examples) -> Values:
        return kind.floor(splits.train, examples)

    value = score(task.task, splits.selection.labels, predict(splits.selection))
    trials = [Trial({}, value)]
    return conclude(spec, splits, trials, predict, started=started, may_be_constant=True)


class TfidfFeatures:
    """Sparse features of texts; of a pair: both vectors, |a - b| and a * b, side by side."""

    def __init__(self, train: Examples, recipe: TfidfRecipe, *, has_cosine: bool) -> None:
        """Learn the vocabulary from the training texts; ``has_cosine`` adds a pair's cosine.

        Raises:
            DataError: the training texts hold no word.
        """
        self.has_cosine = has_cosine
        texts = [text for column in train.texts for text in column]
        self._vectorizer = fit_tfidf(texts, recipe.max_ngram, "the training texts")

    def __call__(self, examples: Examples) -> Any:
        """Return a sparse matrix with a row for each example."""
        from scipy.sparse import csr_matrix, hstack

        sides = [self._vectorizer.transform(column) for column in examples.texts]
        if len(sides) == 1:
            return sides[0]
        a, b = sides
        parts = [a, b, abs(a - b), a.multiply(b)]
        if self.has_cosine:
            parts.append(csr_matrix(a.multiply(b).sum(axis=1)))
        return hstack(parts, format="csr")


def run_tfidf(
    spec: EvaluateSpec, *, checkpoint: Path | None, task: TaskData, device: str, progress: Progress
) -> ProtocolResult:
    """Fit TF-IDF and a linear model; the penalty is chosen on the selection part."""
    started = time.perf_counter()
    recipe = read_recipe(spec, TfidfRecipe)
    splits = Splits(spec, task)
    train, selection = splits.train, splits.selection
    kind = linear_kind(task.task)
    features = TfidfFeatures(train, recipe, has_cosine=kind.needs_cosine)
    fitted = try_penalties(
        kind,
        (features(train), train.labels),
        (features(selection), selection.labels),
        penalties=recipe.inverse_penalties,
        max_iter=recipe.max_iter,
        chosen={},
    )
    best = best_of(task.task, fitted)
    return conclude(
        spec,
        splits,
        [each.trial for each in fitted],
        lambda test: best.predict(features(test)),
        started=started,
    )


PROTOCOLS.register("majority")(
    Protocol("majority", version=2, recipe=MajorityRecipe, needs_checkpoint=False, run=run_majority)
)
PROTOCOLS.register("tfidf")(
    Protocol(
        "tfidf",
        version=2,
        recipe=TfidfRecipe,
        needs_checkpoint=False,
        run=run_tfidf,
        kinds=LinearKind,
    )
)
