"""Linear probe: what a frozen encoder's sentence vectors hold, read by a linear model.

Features of a pair are [u, v, |u - v|, u * v] of its two texts, each encoded alone (InferSent,
Conneau et al. 2017, arXiv:1705.02364; SentEval, Conneau & Kiela 2018, arXiv:1803.05449).
Differs from SentEval in taking the pooling, too, on the selection part, and in standardising
features. Legend: N texts, D hidden size.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mae_bench.progress import Progress
from mae_bench.protocols.base import PROTOCOLS, Protocol, read_recipe
from mae_bench.protocols.device_features import (
    SOLVERS,
    Features,
    fit_scaler,
    fits_on_device,
    solved_together,
)
from mae_bench.protocols.linear_fit import Fitted, best_of, linear_kind, try_penalties
from mae_bench.protocols.outcome import ProtocolResult, conclude
from mae_bench.protocols.splits import Splits
from mae_bench.protocols.text_vectors import Vectors, VectorSource
from mae_bench.specs import EvaluateSpec, ProbeRecipe, VectorRecipe
from mae_bench.tasks.base import Examples, TaskData
from mae_bench.tasks.kinds.base import LinearKind
from mae_bench.tasks.metrics import Values
from mae_bench.training.operations import OperationCount


class Encoder:
    """A frozen encoder that turns each distinct text into one vector for each pooling.

    Attributes:
        poolings: those of the recipe, as they are for its tokenizer (`own_poolings`).
        operations: what encoding the texts of this cell costs, whether or not another cell of the
            process had them encoded before.
    """

    def __init__(
        self,
        checkpoint: Path | str,
        recipe: ProbeRecipe | VectorRecipe,
        device: str,
        *,
        gives_tensors: bool = False,
    ) -> None:
        """Find the encoder and its tokenizer.

        Args:
            checkpoint: the encoder's folder, or its Hub id.
            recipe: how texts are read.
            device: that the encoder runs on.
            gives_tensors: whether vectors and features are tensors on the device, and no arrays.

        Raises:
            SpecError: the encoder has fewer positions than the recipe's ``max_length``.
        """
        self._source = VectorSource(checkpoint, recipe, device)
        self._gives_tensors = gives_tensors
        self.poolings = self._source.poolings
        self.operations = OperationCount(self._source.config)
        self._row_of: dict[str, int] = {}
        self._vectors: list[Any] = []

    def encode(self, texts: Iterable[str]) -> None:
        """Make vectors of the texts that have none yet.

        Raises:
            DivergedError: a vector is not finite.
        """
        new = [text for text in dict.fromkeys(texts) if text not in self._row_of]
        if not new:
            return
        vectors, batches = self._source.vectors(new)
        for shape in batches:
            self.operations.add_reading(shape)
        self._vectors.append(self._given(vectors))
        self._row_of |= {text: len(self._row_of) + i for i, text in enumerate(new)}

    def _given(self, vectors: Vectors) -> Any:
        if self._gives_tensors:
            return torch.as_tensor(vectors)
        return vectors.cpu().numpy() if isinstance(vectors, Tensor) else vectors

    def vectors(self, texts: Sequence[str], pooling: str) -> Any:
        """Return [N, D] float64 vectors of encoded texts."""
        if len(self._vectors) > 1:
            join = torch.cat if self._gives_tensors else np.concatenate
            self._vectors = [join(self._vectors)]
        (table,) = self._vectors
        rows, number = [self._row_of[text] for text in texts], self.poolings.index(pooling)
        if self._gives_tensors:
            return table[torch.tensor(rows, device=table.device), number].double()
        vectors: Values = table[rows, number].astype(np.float64)
        return vectors

    def read(self, examples: Examples, pooling: str) -> Any:
        """Encode the texts of examples, as far as they are new, and return their `features`.

        Raises:
            DivergedError: a vector is not finite.
        """
        self.encode(text for column in examples.texts for text in column)
        return self.features(examples, pooling)

    def features(self, examples: Examples, pooling: str) -> Features:
        """Return float64 features of encoded examples: [N, D] of texts, [N, 4 D] of pairs."""
        sides = [self.vectors(column, pooling) for column in examples.texts]
        if len(sides) == 1:
            return sides[0]
        u, v = sides
        parts = [u, v, abs(u - v), u * v]
        return torch.cat(parts, dim=1) if self._gives_tensors else np.concatenate(parts, axis=1)


def run(
    spec: EvaluateSpec, *, checkpoint: Path, task: TaskData, device: str, progress: Progress
) -> ProtocolResult:
    """Fit the probe at each pooling and penalty, keep the best on the selection part.

    Raises:
        DivergedError: the encoder's vectors are not finite.
    """
    started = time.perf_counter()
    recipe = read_recipe(spec, ProbeRecipe)
    name = task.task.name
    splits = Splits(spec, task)
    train, selection = splits.train, splits.selection
    kind = linear_kind(task.task)
    is_on_device = fits_on_device(kind, device)
    encoder = Encoder(checkpoint, recipe, device, gives_tensors=is_on_device)
    encoder.encode(text for part in (train, selection) for column in part.texts for text in column)
    fitted: list[Fitted] = []
    scalers: dict[str, Callable[[Features], Features]] = {}

    def scaled(pooling: str) -> Features:
        features = encoder.features(train, pooling)
        scalers[pooling] = fit_scaler(features)
        return scalers[pooling](features)

    tables = solved_together(map(scaled, encoder.poolings))
    for done, (pooling, table) in enumerate(zip(encoder.poolings, tables, strict=True)):
        progress(done, len(encoder.poolings), f"{name}: probe on {pooling} pooling")
        fitted += try_penalties(
            kind,
            (table, train.labels),
            (scalers[pooling](encoder.features(selection, pooling)), selection.labels),
            penalties=recipe.inverse_penalties,
            max_iter=recipe.max_iter,
            chosen={"pooling": pooling},
        )
    best = best_of(task.task, fitted)
    best_pooling = str(best.trial.chosen["pooling"])

    def predict(test: Examples) -> Values:
        features = scalers[best_pooling](encoder.read(test, best_pooling))
        predictions: Values = best.predict(features)
        return predictions

    return conclude(
        spec,
        splits,
        [each.trial for each in fitted],
        predict,
        started=started,
        count_flops=lambda: encoder.operations.total,
        solver=SOLVERS[is_on_device],
    )


PROTOCOLS.register("linear_probe")(
    Protocol(
        "linear_probe",
        version=3,
        recipe=ProbeRecipe,
        needs_checkpoint=True,
        run=run,
        kinds=LinearKind,
    )
)
