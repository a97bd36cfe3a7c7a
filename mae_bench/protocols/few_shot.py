"""Few-shot: logistic regression on frozen vectors of a few examples a class, many draws a seed.

A score of one draw says more of the draw than of the encoder, so a result is the mean over
``draws`` training sets, and their standard deviation is kept beside it. The head is SetFit's
(Tunstall et al. 2022, arXiv:2209.11055) on an encoder that is not tuned. Features are centred and
divided by one number, their root mean square, so that the penalty means the same for every encoder;
scaled one by one, those of two examples would all be 1 and -1.

Nothing is chosen. With k examples a class there is no honest selection part of any use: to choose
the pooling, the penalty, a prompt or when to stop on thousands of held-out labels, as much
published few-shot work does, is to learn from thousands of labels (Perez et al. 2021, "True
few-shot learning", arXiv:2105.11447). So pooling and penalty are fixed by the recipe before any
label is read, and the selection part is scored only for a tuning of objectives to read.

A train size ``16/class`` sets the examples of each class in place of the recipe's ``shots``; any
other train size is the pool that draws are taken from. More shots hold all of the fewer ones.
"""

import math
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mae_bench.errors import DataError
from mae_bench.plurals import counted
from mae_bench.progress import Progress
from mae_bench.protocols.base import PROTOCOLS, Protocol, read_recipe
from mae_bench.protocols.device_features import (
    SOLVERS,
    Features,
    fits_on_device,
    solved_together,
)
from mae_bench.protocols.linear_fit import linear_kind, try_penalties
from mae_bench.protocols.linear_probe import Encoder
from mae_bench.protocols.outcome import ProtocolResult, Reading, Trial, score
from mae_bench.protocols.scoring import compute_metric
from mae_bench.protocols.splits import Splits
from mae_bench.seeding import seed_for
from mae_bench.specs import EvaluateSpec, FewShotRecipe, NoiseSpec, per_class
from mae_bench.tasks.base import Examples, Labels, TaskData
from mae_bench.tasks.kinds.base import Predict
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.subsets import class_counts, short_classes
from mae_bench.tasks.untrained import FewShotKind


@dataclass(frozen=True)
class Scale:
    """A shift and one factor, learned from features [N, F]."""

    mean: Features
    factor: float

    @classmethod
    def of(cls, features: Features) -> "Scale":
        """Return that of training features; a factor of 1 where they are all alike."""
        mean = features.mean(axis=0)
        return cls(mean, math.sqrt(((features - mean) ** 2).mean()) or 1.0)

    def __call__(self, features: Features) -> Features:
        """Return features centred and scaled."""
        return (features - self.mean) / self.factor


def draw_shots(
    groups: Labels, shots: int, *, names: Sequence[str], task: str, seed: int, draw: int
) -> Labels:
    """Return the indices of ``shots`` examples of each class: a prefix of one order a class.

    ``names`` are those of the classes, for messages.

    Raises:
        DataError: a class has fewer.
    """
    if short := short_classes(class_counts(groups, names), shots):
        raise DataError(
            f"protocol 'few_shot' draws {counted(shots, 'example')} of each class, and task "
            f"'{task}' has {short} to train on; lower recipes.few_shot.shots, or raise the train "
            "size"
        )
    rng = np.random.default_rng(seed_for("few_shot", task=task, seed=seed, draw=draw))
    drawn = [
        rng.permutation(np.flatnonzero(groups == group))[:shots] for group in np.unique(groups)
    ]
    return np.concatenate(drawn)


def run(
    spec: EvaluateSpec, *, checkpoint: Path, task: TaskData, device: str, progress: Progress
) -> ProtocolResult:
    """Fit a classifier on each draw and average their scores on the test split.

    Raises:
        DataError: a class has fewer examples than a draw takes.
        DivergedError: the encoder's vectors are not finite.
    """
    started = time.perf_counter()
    recipe = read_recipe(spec, FewShotRecipe)
    shots = recipe.shots
    if (each := per_class(spec.train_size)) is not None:
        shots = each
        spec = spec.model_copy(update={"train_size": "all"})
    splits = Splits(spec, task)
    kind = linear_kind(task.task)
    assert isinstance(kind, FewShotKind)  # the protocol's `kinds`
    is_on_device = fits_on_device(kind, device)
    encoder = Encoder(checkpoint, recipe, device, gives_tensors=is_on_device)
    pooling, *_ = encoder.poolings
    selection = encoder.read(splits.selection, pooling)
    groups = kind.groups(splits.train.labels)
    models: list[tuple[Scale, Predict]] = []
    values: list[float] = []
    drawn: deque[tuple[Examples, Scale]] = deque()

    def scaled(draw: int) -> Features:
        indices = draw_shots(
            groups,
            shots,
            names=task.task.label_names,
            task=task.task.trained_as,
            seed=spec.seed,
            draw=draw,
        )
        train = splits.train.take(indices)
        vectors = encoder.read(train, pooling)
        drawn.append((train, Scale.of(vectors)))
        return drawn[-1][1](vectors)

    for draw, table in enumerate(solved_together(map(scaled, range(recipe.draws)))):
        progress(draw, recipe.draws, f"{task.task.name}: few-shot, {shots} a class")
        train, scale = drawn.popleft()
        fitted, *_ = try_penalties(
            kind,
            (table, train.labels),
            (scale(selection), splits.selection.labels),
            penalties=(recipe.inverse_penalty,),
            max_iter=recipe.max_iter,
            chosen={},
        )
        models.append((scale, fitted.predict))
        values.append(score(task.task, splits.selection.labels, fitted.predict(scale(selection))))
    trial = Trial({"shots": shots}, float(np.mean(values)), facts={"by_draw": values})

    def read(noise: NoiseSpec) -> Reading:
        test = splits.test(noise)
        vectors = encoder.read(test, pooling)
        return averaged(noise, test, [predict(scale(vectors)) for scale, predict in models], kind)

    readings = () if spec.selection_only else tuple(map(read, spec.test_noises))
    return ProtocolResult(
        n_train=len(train),
        n_selection=len(splits.selection),
        n_test=len(task.test) if readings else 0,
        best=trial,
        trials=(trial,),
        readings=readings,
        seconds=time.perf_counter() - started,
        flops=encoder.operations.total,
        solver=SOLVERS[is_on_device],
    )


def averaged(
    noise: NoiseSpec, test: Examples, predictions: list[Values], kind: FewShotKind
) -> Reading:
    """Return a reading whose metrics are means over draws, with their standard deviations.

    It is collapsed where most draws predict one thing for every text.
    """
    num_draws = len(predictions)
    metrics: dict[str, float] = {}
    spread: dict[str, float] = {}
    for name in kind.task.metrics:
        values = [compute_metric(kind.task, name, test.labels, given) for given in predictions]
        metrics[name] = float(np.mean(values))
        spread[name] = float(np.std(values, ddof=1)) if num_draws > 1 else 0.0
    collapses = [kind.find_collapse(test.labels, given) for given in predictions]
    collapsed = [text for text in collapses if text]
    words = f"{collapsed[0]} in {len(collapsed)} of {num_draws} draws" if collapsed else ""
    return Reading(
        noise,
        test.take(np.tile(np.arange(len(test)), num_draws)),
        np.concatenate(predictions),
        metrics,
        words if 2 * len(collapsed) > num_draws else "",
        draw=np.repeat(np.arange(num_draws), len(test)),
        spread=spread,
    )


PROTOCOLS.register("few_shot")(
    Protocol(
        "few_shot",
        version=1,
        recipe=FewShotRecipe,
        needs_checkpoint=True,
        run=run,
        kinds=FewShotKind,
    )
)
