"""The floor of what is not trained: the cosine of TF-IDF vectors, which know shared words alone."""

import time
from functools import partial
from pathlib import Path

from mae_bench.progress import Progress
from mae_bench.protocols.base import PROTOCOLS, Protocol, read_recipe
from mae_bench.protocols.outcome import ProtocolResult
from mae_bench.protocols.tfidf import fit_tfidf
from mae_bench.protocols.unlearned import read_unlearned
from mae_bench.specs import Count, EvaluateSpec, Frozen
from mae_bench.tasks.base import Examples, TaskData
from mae_bench.tasks.kinds.base import kind_of
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.untrained import CosineKind


class TfidfCosineRecipe(Frozen):
    """Cosine of TF-IDF vectors of word n-grams, 1 to ``max_ngram`` words; nothing is trained.

    In scripts without blanks between words each character is a word.
    """

    max_ngram: Count = 2


def run(
    spec: EvaluateSpec, *, checkpoint: Path | None, task: TaskData, device: str, progress: Progress
) -> ProtocolResult:
    """Predict by the words that texts share, the rarer the more.

    How rare a word is, is counted in the texts of train; of those that are read where a task has
    no train.

    Raises:
        DataError: the texts hold no word.
    """
    started = time.perf_counter()
    recipe = read_recipe(spec, TfidfCosineRecipe)
    kind = kind_of(task.task)
    assert isinstance(kind, CosineKind)  # the protocol's `kinds`
    fit = partial(fit_tfidf, max_ngram=recipe.max_ngram, what="the texts")
    counted = fit(kind.compared_texts(task.train)) if len(task.train) else None

    def predict(examples: Examples) -> Values:
        vectorizer = fit(kind.compared_texts(examples)) if counted is None else counted
        return kind.by_cosine(examples, vectorizer.transform)

    return read_unlearned(spec, task, predict, started=started)


PROTOCOLS.register("tfidf_cosine")(
    Protocol(
        "tfidf_cosine",
        version=1,
        recipe=TfidfCosineRecipe,
        needs_checkpoint=False,
        run=run,
        needs_labels=False,
        kinds=CosineKind,
    )
)
