"""Representation: what is inside a frozen encoder, read on validation rows of the corpus.

Token vectors are of three kinds: of real tokens in unmasked rows (``rank_tau`` and its like), of
real tokens in rows where others are [MASK] (``*_beside_masks``), and of these (``*_at_masks``).
Ranks are shares of the width D, so that 1 means that every direction is used; those without
``_layer<i>`` are of the last layer, layer 0 is the embedding. [CLS], [SEP] and padding never
count. Alignment and uniformity are of mean-pooled texts, a positive pair being the two halves of
a row.
"""

import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mae_bench.data.blocks import Blocks
from mae_bench.draws import Draws
from mae_bench.pretraining.health import VALIDATION_EPOCH
from mae_bench.pretraining.rebuild import rebuild_at
from mae_bench.progress import Progress
from mae_bench.protocols.base import PROTOCOLS, Protocol, read_recipe
from mae_bench.protocols.frozen_reader import FrozenReader, Seen, num_wanted
from mae_bench.protocols.outcome import ProtocolResult, measured
from mae_bench.protocols.spectra import (
    Spectrum,
    alignment,
    entropy_rank,
    iso_score,
    mean_cosine,
    participation_ratio,
    rank_tau,
    uniformity,
)
from mae_bench.specs import EvaluateSpec, RepresentationRecipe
from mae_bench.training.precision import autocast

MAX_PROBE = 4096  # vectors of each kind for the probe of token types


def ranks(squared: Spectrum, tau: float) -> dict[str, float]:
    """Return the three ranks of a spectrum, as shares of its length."""
    counts = {
        "rank_tau": rank_tau(squared, tau),
        "entropy_rank": entropy_rank(squared),
        "participation_ratio": participation_ratio(squared),
    }
    return {name: value / len(squared) for name, value in counts.items()}


def probe_accuracy(vectors: Tensor, is_masked: Tensor, rows: Tensor) -> float | None:
    """Return the balanced accuracy of a linear model of masks and real tokens; .5 is chance.

    Fitted on rows of even number, tested on the others; None where either half of the rows lacks
    masks or real tokens.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    features, labels = vectors.double().cpu().numpy(), is_masked.cpu().numpy()
    is_train = rows.cpu().numpy() % 2 == 0
    parts = []
    for part in (is_train, ~is_train):
        both = [np.flatnonzero(part & (labels == kind))[:MAX_PROBE] for kind in (True, False)]
        if not all(len(indices) for indices in both):
            return None
        parts.append(np.concatenate(both))
    train, test = parts
    scaler = StandardScaler().fit(features[train])
    model = LogisticRegression(max_iter=300, class_weight="balanced", random_state=0)
    with threadpool_limits(torch.get_num_threads()):
        model.fit(scaler.transform(features[train]), labels[train])
        guessed = model.predict(scaler.transform(features[test]))
    return float(balanced_accuracy_score(labels[test], guessed))


def _metrics(seen: Seen, tau: float) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for where, by_layer in seen.moments.items():
        spectra = [moments.squared() for moments in by_layer]
        metrics |= {f"{name}{where}": value for name, value in ranks(spectra[-1], tau).items()}
        for number, squared in enumerate(spectra):
            for name, value in ranks(squared, tau).items():
                metrics[f"{name}{where}_layer{number}"] = value
        raw = ranks(by_layer[-1].squared(is_centred=False), tau)
        metrics |= {f"{name}{where}_uncentred": value for name, value in raw.items()}
    metrics["rank_lost_to_masks"] = metrics["rank_tau"] - metrics["rank_tau_beside_masks"]
    metrics["iso_score"] = iso_score(seen.moments[""][-1].squared())
    metrics["mean_cosine"] = mean_cosine(torch.cat(seen.tokens))
    texts = torch.cat(seen.texts)
    if len(texts) > 1:
        metrics["uniformity"] = uniformity(texts)
    if seen.halves[0]:
        metrics["alignment"] = alignment(torch.cat(seen.halves[0]), torch.cat(seen.halves[1]))
    typed = probe_accuracy(*(torch.cat(part) for part in zip(*seen.typed, strict=True)))
    return metrics if typed is None else metrics | {"mask_probe": typed}


def _predictions(
    checkpoint: Path, data: Blocks, reader: FrozenReader, recipe: RepresentationRecipe
) -> dict[str, float]:
    """Return accuracy and perplexity of the objective itself, where it can hide that much."""
    metrics: dict[str, float] = {}
    for ratio in recipe.objective_ratios:
        objective = rebuild_at(checkpoint, data, ratio, reader.device)
        if objective is None:
            continue
        nats, correct, predicted, wanted = 0.0, 0.0, 0, 0
        for block, numbers in reader.batches():
            draws = Draws(reader.seed, VALIDATION_EPOCH, numbers, progress=1.0)
            with autocast(reader.device, recipe.precision):
                output = objective(objective.corrupt(block, draws))
            if "accuracy" not in output.metrics:
                break  # it predicts vectors: its loss is no perplexity
            wanted += num_wanted(block, ratio)
            if output.predicted == 0:
                continue
            nats += float(output.loss) * output.predicted
            correct += float(output.metrics["accuracy"]) * output.predicted
            predicted += output.predicted
        if predicted != wanted or predicted == 0:  # not the tokens that it hides
            continue
        percent = f"{100 * ratio:g}"
        metrics[f"perplexity_{percent}"] = math.exp(min(nats / predicted, 700.0))
        metrics[f"masked_accuracy_{percent}"] = correct / predicted
    return metrics


def run(
    spec: EvaluateSpec, *, checkpoint: Path, corpus: Blocks, device: str, progress: Progress
) -> ProtocolResult:
    """Measure one checkpoint.

    Raises:
        DataError: fewer than four validation tokens for each feature.
        DivergedError: the encoder's vectors are not finite.
    """
    started = time.perf_counter()
    recipe = read_recipe(spec, RepresentationRecipe)
    with torch.inference_mode():
        reader = FrozenReader(checkpoint, corpus, recipe, spec.seed, device)
        metrics = _metrics(reader.read(progress), recipe.tau)
        metrics |= _predictions(checkpoint, corpus, reader, recipe)
    num_rows, flops = len(reader.rows), reader.operations.total
    return measured(spec, metrics, started=started, num_rows=num_rows, flops=flops)


PROTOCOLS.register("representation")(
    Protocol(
        "representation",
        version=1,
        recipe=RepresentationRecipe,
        needs_checkpoint=True,
        run=run,
        reads_corpus=True,
        primary="rank_tau",
    )
)
