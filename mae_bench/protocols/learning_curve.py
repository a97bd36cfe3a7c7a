"""Learning curve: when a pretraining left the plateau of token frequencies, by its own losses.

Nothing is encoded. The plateau is what the place of a predicted token tells without its context:
less than the entropy of single tokens where the token may stay visible there. A run that never left
counts with all the tokens that it saw, which is too few; it is marked as collapsed where its
encoder learned nothing, too.
"""

import time
from pathlib import Path

from mae_bench.data.blocks import Blocks
from mae_bench.errors import DataError
from mae_bench.plateau import is_in_nats_a_token, tokens_at_leaving
from mae_bench.pretraining.landmark import landmark
from mae_bench.pretraining.rebuild import trained_as
from mae_bench.progress import Progress
from mae_bench.protocols.base import PROTOCOLS, Protocol, read_recipe
from mae_bench.protocols.outcome import ProtocolResult, measured
from mae_bench.results import read_json
from mae_bench.specs import EvaluateSpec, Frozen


class LearningCurveRecipe(Frozen):
    """It has no hyper-parameters."""


def run(
    spec: EvaluateSpec, *, checkpoint: Path, corpus: Blocks, device: str, progress: Progress
) -> ProtocolResult:
    """Read one curve.

    Raises:
        DataError: its loss is not in nats a token, so that token frequencies are no landmark.
    """
    started = time.perf_counter()
    read_recipe(spec, LearningCurveRecipe)
    curve = read_json(checkpoint / "curve.json")
    _, provisions = trained_as(checkpoint)
    entropy = landmark(corpus, provisions.places)
    if not is_in_nats_a_token(curve["loss"], entropy, corpus.vocab_size):
        raise DataError(
            "the loss of this pretraining does not begin near that of a blind guess of a token, so "
            "that the entropy of single tokens is no landmark for it; leave learning_curve out, or "
            "the objective"
        )
    left = tokens_at_leaving(curve["tokens"], curve["loss"], entropy)
    metrics = {"plateau_tokens": float(curve["tokens"][-1] if left is None else left)}
    return measured(spec, metrics, started=started, num_rows=0, flops=0.0)


PROTOCOLS.register("learning_curve")(
    Protocol(
        "learning_curve",
        version=2,
        recipe=LearningCurveRecipe,
        needs_checkpoint=True,
        run=run,
        reads_corpus=True,
        primary="plateau_tokens",
        needs_scorer=True,  # only of an objective that names tokens is the loss in nats a token
    )
)
