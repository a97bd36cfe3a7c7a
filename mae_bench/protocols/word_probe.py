"""Word probe: what a frozen encoder's vectors of words hold, read by a linear model.

A word's vector is that of its first token in the last layer (as in Liu et al. 2019,
arXiv:1903.08855, who take the last token and mix layers). Legend: N texts, M words that the encoder
read, D hidden size.
"""

import time
from pathlib import Path

import numpy as np
import torch

from mae_bench.errors import DivergedError
from mae_bench.model.attention import to_device
from mae_bench.model.backbone import load_backbone
from mae_bench.progress import Progress
from mae_bench.protocols.base import PROTOCOLS, Protocol, read_recipe
from mae_bench.protocols.linear_fit import best_of, try_penalties
from mae_bench.protocols.outcome import ProtocolResult, conclude
from mae_bench.protocols.splits import Splits
from mae_bench.specs import EvaluateSpec, WordProbeRecipe
from mae_bench.tasks.base import Examples, TaskData
from mae_bench.tasks.kinds.base import kind_of
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.word_kind import WordKind, WordVectors
from mae_bench.training.batching import check_length, load_tokenizer, reading_batches
from mae_bench.training.operations import OperationCount
from mae_bench.training.precision import autocast


class WordReader:
    """A frozen encoder that gives the vectors of words."""

    def __init__(
        self, checkpoint: Path, kind: WordKind, recipe: WordProbeRecipe, device: str
    ) -> None:
        """Load the encoder and its tokenizer.

        Raises:
            SpecError: the encoder has fewer positions than the recipe's ``max_length``.
        """
        self.backbone = to_device(load_backbone(checkpoint), device).eval()
        check_length(recipe.max_length, self.backbone.config)
        self.kind, self.recipe, self.device = kind, recipe, device
        self.operations = OperationCount(self.backbone.config)
        self._tokenizer = load_tokenizer(checkpoint)

    def read(self, examples: Examples) -> WordVectors:
        """Return float64 vectors of the words of examples.

        Raises:
            DivergedError: a vector is not finite.
        """
        tokens = self.kind.lay_out(
            self._tokenizer,
            examples,
            max_length=self.recipe.max_length,
            vocab_size=self.backbone.vocab_size,
            device=self.device,
        )
        is_read = [first >= 0 for first in tokens.first_tokens]
        parts: list[Values] = [np.empty(0)] * len(tokens)
        with torch.inference_mode(), autocast(self.device, self.recipe.precision):
            for index in reading_batches(tokens.lengths, self.recipe.batch_size):
                ids, is_pad, _ = tokens.batch(index)
                hidden = self.backbone(ids, None, is_pad).float().cpu().numpy()
                for row, vectors in zip(index, hidden, strict=True):
                    parts[row] = vectors[tokens.first_tokens[row][is_read[row]]]
                self.operations.add_reading(ids.shape)
        vectors = np.concatenate(parts).astype(np.float64)
        if not np.isfinite(vectors).all():
            raise DivergedError("the encoder's vectors are not finite")
        return WordVectors(vectors, is_read)


def run(
    spec: EvaluateSpec, *, checkpoint: Path, task: TaskData, device: str, progress: Progress
) -> ProtocolResult:
    """Fit the probe at each penalty, keep the best on the selection part.

    Raises:
        DivergedError: the encoder's vectors are not finite.
    """
    from sklearn.preprocessing import StandardScaler

    started = time.perf_counter()
    recipe = read_recipe(spec, WordProbeRecipe)
    splits = Splits(spec, task)
    kind = kind_of(task.task)
    assert isinstance(kind, WordKind)  # the protocol's `kinds`
    reader = WordReader(checkpoint, kind, recipe, device)
    train = reader.read(splits.train)
    scaler = StandardScaler().fit(train.vectors)

    def scaled(words: WordVectors) -> WordVectors:
        if not len(words.vectors):
            return words
        return WordVectors(scaler.transform(words.vectors), words.is_read)

    progress(0, 1, f"{task.task.name}: probe on words")
    fitted = try_penalties(
        kind,
        (scaled(train), splits.train.labels),
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
    )


PROTOCOLS.register("word_probe")(
    Protocol(
        "word_probe",
        version=1,
        recipe=WordProbeRecipe,
        needs_checkpoint=True,
        run=run,
        kinds=WordKind,
    )
)
