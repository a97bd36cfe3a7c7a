"""A protocol as a third party writes it, in one file: the nearest training texts by TF-IDF vote."""

import time

import numpy as np

from mae_bench.protocols.base import PROTOCOLS, Protocol, read_recipe
from mae_bench.protocols.floors import TfidfFeatures, TfidfRecipe
from mae_bench.protocols.outcome import Trial, conclude, score
from mae_bench.protocols.splits import Splits
from mae_bench.specs import Count, Frozen


class NeighboursRecipe(Frozen):
    """How many neighbours vote, found by TF-IDF."""

    neighbours: Count = 1


def run(spec, *, checkpoint, task, device, progress):
    """Let the nearest training texts vote."""
    started = time.perf_counter()
    recipe = read_recipe(spec, NeighboursRecipe)
    splits = Splits(spec, task)
    features = TfidfFeatures(splits.train, TfidfRecipe(), has_cosine=False)
    train = features(splits.train)

    def predict(examples):
        near = (features(examples) @ train.T).toarray().argsort(1)[:, -recipe.neighbours :]
        votes = splits.train.labels[near]
        return np.array([np.bincount(row).argmax() for row in votes])

    value = score(task.task, splits.selection.labels, predict(splits.selection))
    trials = [Trial({"neighbours": recipe.neighbours}, value)]
    return conclude(spec, splits, trials, predict, started=started)


PROTOCOLS.register("neighbours")(
    Protocol("neighbours", version=1, recipe=NeighboursRecipe, needs_checkpoint=True, run=run)
)
