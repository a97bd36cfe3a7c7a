"""The floor of what is not trained: the cosine of TF-IDF vectors, which know shared words alone."""

import time
from pathlib import Path

from mae_bench.data.scripts import word_pattern
from mae_bench.errors import DataError
from mae_bench.progress import Progress
from mae_bench.protocols.base import PROTOCOLS, Protocol, read_recipe
from mae_bench.protocols.outcome import ProtocolResult
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
    from sklearn.feature_extraction.text import TfidfVectorizer

    started = time.perf_counter()
    recipe = read_recipe(spec, TfidfCosineRecipe)
    kind = kind_of(task.task)
    assert isinstance(kind, CosineKind)  # the protocol's `kinds`
    counted = kind.compared_texts(task.train) if len(task.train) else []

    def predict(examples: Examples) -> Values:
        vectorizer = TfidfVectorizer(
            ngram_range=(1, recipe.max_ngram),
            sublinear_tf=True,
            tokenizer=word_pattern().findall,
            token_pattern=None,
        )
        try:
            vectorizer.fit(counted or kind.compared_texts(examples))
        except ValueError as error:
            raise DataError(f"the texts give no TF-IDF features: {error}") from error
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
