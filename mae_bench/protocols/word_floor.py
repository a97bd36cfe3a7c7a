"""The floor of tags: each word gets the label that its form has most often in training."""

import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from mae_bench.data.words import split_words
from mae_bench.progress import Progress
from mae_bench.protocols.base import PROTOCOLS, Protocol, read_recipe
from mae_bench.protocols.outcome import ProtocolResult, Trial, conclude, score
from mae_bench.protocols.splits import Splits
from mae_bench.specs import EvaluateSpec, Frozen
from mae_bench.tasks.base import Examples, TaskData
from mae_bench.tasks.kinds.base import kind_of, objects
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.word_kind import WordKind


class WordMajorityRecipe(Frozen):
    """The commonest label of each word form: nothing to set."""


def run(
    spec: EvaluateSpec, *, checkpoint: Path | None, task: TaskData, device: str, progress: Progress
) -> ProtocolResult:
    """Predict each word's commonest label, of several the first that was seen.

    A word that training does not hold gets what the kind gives to words that nothing is known of.
    """
    started = time.perf_counter()
    read_recipe(spec, WordMajorityRecipe)
    splits = Splits(spec, task)
    kind = kind_of(task.task)
    assert isinstance(kind, WordKind)  # the protocol's `kinds`
    counts: dict[str, Counter[Any]] = defaultdict(Counter)
    for text, labels in zip(splits.train.texts[0], splits.train.labels, strict=True):
        for word, label in zip(split_words(text), labels, strict=True):
            counts[word][label] += 1
    usual = {word: seen.most_common(1)[0][0] for word, seen in counts.items()}
    unread = kind.unread(splits.train.labels)

    def predict(examples: Examples) -> Values:
        return objects(
            [usual.get(word, unread) for word in split_words(text)] for text in examples.texts[0]
        )

    trials = [Trial({}, score(task.task, splits.selection.labels, predict(splits.selection)))]
    return conclude(spec, splits, trials, predict, started=started)


PROTOCOLS.register("word_majority")(
    Protocol(
        "word_majority",
        version=1,
        recipe=WordMajorityRecipe,
        needs_checkpoint=False,
        run=run,
        kinds=WordKind,
    )
)
