"""k nearest neighbours on frozen vectors: what lies near in an encoder's space, nothing trained.

Neighbours by cosine, each with the vote exp(cosine / temperature) (Wu et al. 2018,
arXiv:1805.01978). Vectors are those of the linear probe, unscaled; of a pair
[u, v, |u - v|, u * v]. k and the pooling are chosen on the selection part.
"""

import time
from pathlib import Path

import numpy as np
import torch

from mae_bench.progress import Progress
from mae_bench.protocols.base import PROTOCOLS, Protocol, read_recipe
from mae_bench.protocols.linear_fit import Fitted, best_of
from mae_bench.protocols.linear_probe import Encoder
from mae_bench.protocols.neighbours import nearest
from mae_bench.protocols.outcome import ProtocolResult, Trial, conclude, score
from mae_bench.protocols.splits import Splits
from mae_bench.specs import EvaluateSpec, KnnRecipe
from mae_bench.tasks.base import Examples, TaskData
from mae_bench.tasks.kinds.base import Predict, kind_of
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.untrained import NeighbourKind


def grid(num_neighbours: tuple[int, ...], num_train: int) -> list[int]:
    """Return the numbers of neighbours to try, ascending; all examples where each is too many."""
    return sorted({k for k in num_neighbours if k <= num_train}) or [num_train]


def run(
    spec: EvaluateSpec, *, checkpoint: Path, task: TaskData, device: str, progress: Progress
) -> ProtocolResult:
    """Try each pooling and k, keep the best on the selection part, predict the test split.

    Raises:
        DivergedError: the encoder's vectors are not finite.
    """
    from threadpoolctl import threadpool_limits

    started = time.perf_counter()
    recipe = read_recipe(spec, KnnRecipe)
    splits = Splits(spec, task)
    train, selection = splits.train, splits.selection
    kind = kind_of(task.task)
    assert isinstance(kind, NeighbourKind)  # the protocol's `kinds`
    encoder = Encoder(checkpoint, recipe, device)
    encoder.encode(text for part in (train, selection) for column in part.texts for text in column)

    def weigh(distances: Values) -> Values:
        weights: Values = np.exp((1.0 - distances) / recipe.temperature)
        return weights

    def model(near: Values, k: int) -> Predict:
        def predict(asked: Values) -> Values:
            ((distances, index),) = nearest(asked, near, [k])
            return kind.vote(train.labels[index], weigh(distances))

        return predict

    fitted: list[Fitted] = []
    counts = grid(recipe.num_neighbours, len(train))
    with threadpool_limits(torch.get_num_threads()):
        for done, pooling in enumerate(encoder.poolings):
            progress(done, len(encoder.poolings), f"{task.task.name}: neighbours, {pooling}")
            near = encoder.features(train, pooling)
            asked = encoder.features(selection, pooling)
            for k, (distances, index) in zip(counts, nearest(asked, near, counts), strict=True):
                votes = kind.vote(train.labels[index], weigh(distances))
                value = score(task.task, selection.labels, votes)
                trial = Trial({"pooling": pooling, "k": k}, value)
                fitted.append(Fitted(model(near, k), trial))
    best = best_of(task.task, fitted)
    best_pooling = str(best.trial.chosen["pooling"])

    def predict_test(test: Examples) -> Values:
        features = encoder.read(test, best_pooling)
        with threadpool_limits(torch.get_num_threads()):
            return best.predict(features)

    return conclude(
        spec,
        splits,
        [each.trial for each in fitted],
        predict_test,
        started=started,
        count_flops=lambda: encoder.operations.total,
    )


PROTOCOLS.register("knn")(
    Protocol(
        "knn",
        version=1,
        recipe=KnnRecipe,
        needs_checkpoint=True,
        run=run,
        kinds=NeighbourKind,
    )
)
