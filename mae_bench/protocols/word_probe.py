"""Word probe: what a frozen encoder's vectors of words hold, read by a linear model.

A word's vector is that of its first token in the last layer (as in Liu et al. 2019,
arXiv:1903.08855, who take the last token and mix layers).
"""

import time
from pathlib import Path

from mae_bench.progress import Progress
from mae_bench.protocols.base import PROTOCOLS, Protocol, read_recipe
from mae_bench.protocols.device_features import (
    SOLVERS,
    fit_scaler,
    fits_on_device,
    solved_together,
)
from mae_bench.protocols.linear_fit import best_of, try_penalties
from mae_bench.protocols.outcome import ProtocolResult, conclude
from mae_bench.protocols.splits import Splits
from mae_bench.protocols.word_vectors import WordReader
from mae_bench.specs import EvaluateSpec, WordProbeRecipe
from mae_bench.tasks.base import TaskData
from mae_bench.tasks.kinds.base import kind_of
from mae_bench.tasks.word_kind import WordKind, WordVectors


def run(
    spec: EvaluateSpec, *, checkpoint: Path, task: TaskData, device: str, progress: Progress
) -> ProtocolResult:
    """Fit the probe at each penalty, keep the best on the selection part.

    Raises:
        DivergedError: the encoder's vectors are not finite.
    """
    started = time.perf_counter()
    recipe = read_recipe(spec, WordProbeRecipe)
    splits = Splits(spec, task)
    kind = kind_of(task.task)
    assert isinstance(kind, WordKind)  # the protocol's `kinds`
    is_on_device = fits_on_device(kind, device)
    reader = WordReader(checkpoint, kind, recipe, device, gives_tensors=is_on_device)
    train = reader.read(splits.train)
    scale = fit_scaler(train.vectors)

    def scaled(words: WordVectors) -> WordVectors:
        if not len(words.vectors):
            return words
        return WordVectors(scale(words.vectors), words.is_read)

    progress(0, 1, f"{task.task.name}: probe on words")
    (table,) = solved_together([scale(train.vectors)])
    fitted = try_penalties(
        kind,
        (WordVectors(table, train.is_read), splits.train.labels),
        (scaled(reader.read(splits.selection)), splits.selection.labels),
        penalties=recipe.inverse_penalties,
        max_iter=recipe.max_iter,
        chosen={},
    )
    best = best_of(task.task, fitted)
    return conclude(
        spec,
        splits,
        [each.trial for each in fitted],
        lambda test: best.predict(scaled(reader.read(test))),
        started=started,
        count_flops=lambda: reader.operations.total,
        solver=SOLVERS[is_on_device],
    )


PROTOCOLS.register("word_probe")(
    Protocol(
        "word_probe",
        version=2,
        recipe=WordProbeRecipe,
        needs_checkpoint=True,
        run=run,
        kinds=WordKind,
    )
)
