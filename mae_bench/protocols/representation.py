"""Representation: what is inside a frozen encoder, read on validation rows of the corpus.

Token vectors are taken at three places: ``rank_tau`` and its like at real tokens of rows as they
stand, ``*_beside_masks`` at real tokens of rows in which some are [MASK], ``*_at_masks`` at these.
Ranks are shares of the width D, so that 1 means that every direction is used; those without
``_layer<i>`` are of the last layer, layer 0 is the embedding. [CLS], [SEP] and padding never
count. Alignment and uniformity are of mean-pooled texts, a positive pair being the two halves of
a row. Legend: B rows, L positions, N vectors, D features.
"""

import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mae_bench.data.blocks import Blocks
from mae_bench.draws import Block, Draws
from mae_bench.errors import DataError, DivergedError
from mae_bench.masking import CLS_ID, MASK_ID, NUM_SPECIAL, PAD_ID, SEP_ID, as_block, hide
from mae_bench.model.attention import place
from mae_bench.model.backbone import Backbone, load_backbone
from mae_bench.model.heads import pool
from mae_bench.pretraining.health import VALIDATION_EPOCH
from mae_bench.pretraining.rebuild import rebuild_at
from mae_bench.progress import Progress
from mae_bench.protocols.base import PROTOCOLS, Protocol, read_recipe
from mae_bench.protocols.outcome import ProtocolResult, Reading, Trial
from mae_bench.protocols.spectra import (
    Moments,
    Spectrum,
    alignment,
    entropy_rank,
    iso_score,
    mean_cosine,
    participation_ratio,
    rank_tau,
    uniformity,
)
from mae_bench.specs import CLEAN, EvaluateSpec, RepresentationRecipe
from mae_bench.tasks.base import Examples
from mae_bench.training.operations import OperationCount
from mae_bench.training.precision import autocast

PLACES = ("", "_beside_masks", "_at_masks")
VECTORS_PER_FEATURE = 4  # fewer would bias a rank low
MAX_TURNS = 100  # passes over the rows, each with other masks, for enough vectors at masks
MIN_HALF = 4  # real tokens of a half that is a text
MAX_PROBE = 4096  # vectors of each kind for the probe of token types


@dataclass
class _Seen:
    """What the passes over the rows leave.

    Attributes:
        moments: of each place and layer.
        texts: [N, D] mean-pooled rows.
        halves: [N, D] of first and of second halves, in the same order.
        tokens: real tokens of the last layer, for cosines.
        typed: last-layer vectors with whether they stand at a mask, and the number of their row.
    """

    moments: dict[str, list[Moments]]
    texts: list[Tensor] = field(default_factory=list)
    halves: tuple[list[Tensor], list[Tensor]] = field(default_factory=lambda: ([], []))
    tokens: list[Tensor] = field(default_factory=list)
    typed: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)


class _Reader:
    """A frozen encoder and the rows that it is shown."""

    def __init__(
        self, checkpoint: Path, data: Blocks, recipe: RepresentationRecipe, seed: int, device: str
    ) -> None:
        self.backbone: Backbone = place(load_backbone(checkpoint), device).eval()
        self.operations = OperationCount(self.backbone.config)
        self.recipe, self.device, self.seed = recipe, device, seed
        chosen = spaced(len(data.validation), recipe.num_rows)
        self.rows = np.array(data.validation[chosen]).astype(np.int64)
        self.numbers = chosen
        width, needed = self.backbone.width, VECTORS_PER_FEATURE * self.backbone.width
        real = int((self.rows >= NUM_SPECIAL).sum())
        if real < needed:
            raise DataError(
                f"a rank needs at least {needed} real tokens, {VECTORS_PER_FEATURE} for each of "
                f"the {width} features; {len(self.rows)} of the corpus' {len(data.validation)} "
                f"validation rows hold {real}: raise corpus.validation_ratio, corpus.tokens or "
                "representation.num_rows"
            )
        self.needed = needed

    def batches(self) -> list[tuple[Block, Tensor]]:
        """Return (block, numbers of its rows) on the device."""
        size = self.recipe.batch_rows
        found = []
        for start in range(0, len(self.rows), size):
            ids = torch.from_numpy(self.rows[start : start + size]).to(self.device)
            numbers = torch.from_numpy(self.numbers[start : start + size]).to(self.device)
            found.append((as_block(ids), numbers))
        return found

    def layers(self, block: Block) -> tuple[Tensor, ...]:
        with autocast(self.device, self.recipe.precision):
            found = self.backbone.layers(block.ids, block.is_pad)
        self.operations.add_reading(block.ids.shape)
        if not bool(found[-1].isfinite().all()):
            raise DivergedError("the encoder's vectors are not finite")
        return found

    def read(self, progress: Progress) -> _Seen:
        batches = self.batches()
        self.require_masks(batches)
        count = self.backbone.config.num_hidden_layers + 1
        width = self.backbone.width
        seen = _Seen({p: [Moments(width, self.device) for _ in range(count)] for p in PLACES})
        for done, (block, _) in enumerate(batches):
            progress(done, 2 * len(batches), "rows as they stand")
            self._plain(block, seen)
        turn = 0
        while turn == 0 or seen.moments["_at_masks"][-1].count < self.needed:
            for done, (block, numbers) in enumerate(batches):
                progress(len(batches) + done, 2 * len(batches), "rows with masks")
                self._masked(block, numbers, turn, seen)
            turn += 1
        return seen

    def require_masks(self, batches: list[tuple[Block, Tensor]]) -> None:
        """Raise DataError where the rows hide so few tokens that reading them would not end."""
        ratio = self.recipe.mask_ratio
        found = sum(num_wanted(block, ratio) for block, _ in batches)
        if found * MAX_TURNS < self.needed:
            raise DataError(
                f"a rank at masks needs {self.needed} of them, and mask_ratio {ratio:g} hides "
                f"{found} tokens of these {len(self.rows)} validation rows; raise "
                "representation.mask_ratio or representation.num_rows, or give longer texts"
            )

    def _plain(self, block: Block, seen: _Seen) -> None:
        layers = self.layers(block)
        is_real = block.ids >= NUM_SPECIAL
        for moments, hidden in zip(seen.moments[""], layers, strict=True):
            moments.add(hidden[is_real].float())
        seen.tokens.append(layers[-1][is_real].float())
        seen.texts.append(pool(layers[-1], block.is_pad, "mean"))
        for side, half in zip(seen.halves, halves(block), strict=True):
            if len(half.ids):
                side.append(pool(self.layers(half)[-1], half.is_pad, "mean"))

    def _masked(self, block: Block, numbers: Tensor, turn: int, seen: _Seen) -> None:
        draws = Draws(self.seed, VALIDATION_EPOCH - turn, numbers)
        hidden = hide(block, draws, self.recipe.mask_ratio)
        is_real = block.ids >= NUM_SPECIAL
        is_masked = torch.zeros_like(is_real)
        is_masked.scatter_(
            1, hidden.positions, True if hidden.is_target is None else hidden.is_target
        )
        layers = self.layers(Block(block.ids.masked_fill(is_masked, MASK_ID), block.is_pad))
        for name, where in (("_beside_masks", is_real & ~is_masked), ("_at_masks", is_masked)):
            for moments, vectors in zip(seen.moments[name], layers, strict=True):
                moments.add(vectors[where].float())
        if turn == 0:
            share = self.recipe.mask_ratio / (1 - self.recipe.mask_ratio)
            is_twin = draws.uniform("probe", block.ids.shape[1]) < share
            is_used = is_masked | (is_real & is_twin)
            owners = numbers[:, None].expand_as(is_used)
            seen.typed.append((layers[-1][is_used].float(), is_masked[is_used], owners[is_used]))


def spaced(count: int, wanted: int) -> np.ndarray:
    """Return ``wanted`` evenly spaced places of ``count``, or all of them."""
    return np.unique(np.linspace(0, max(0, count - 1), min(count, wanted)).astype(np.int64))


def halves(block: Block) -> tuple[Block, Block]:
    """Return the two halves of each row as texts of their own; without rows that are too short."""
    middle = block.ids.shape[1] // 2
    kept = block.ids[(block.ids[:, middle:] >= NUM_SPECIAL).sum(1) >= MIN_HALF]
    edge = torch.full((len(kept), 1), SEP_ID, device=kept.device, dtype=kept.dtype)
    first = torch.cat([kept[:, :middle], edge], dim=1)
    second = torch.cat([torch.full_like(edge, CLS_ID), kept[:, middle:]], dim=1)
    return as_block(first), as_block(second)


def num_wanted(block: Block, ratio: float) -> int:
    """Return how many tokens of a block are hidden at a ratio, rounded half up row by row."""
    is_fixed = (block.ids == CLS_ID) | (block.ids == SEP_ID) | (block.ids == PAD_ID)
    counts = (~is_fixed).sum(1).double()
    return int(torch.floor(counts * ratio + 0.5).sum())


def ranks(squared: Spectrum, tau: float) -> dict[str, float]:
    """Return the three ranks of a spectrum, as shares of its length."""
    found = {
        "rank_tau": rank_tau(squared, tau),
        "entropy_rank": entropy_rank(squared),
        "participation_ratio": participation_ratio(squared),
    }
    return {name: value / len(squared) for name, value in found.items()}


def probe_accuracy(vectors: Tensor, is_masked: Tensor, rows: Tensor) -> float | None:
    """Return how well a linear model tells masks from real tokens; .5 is chance.

    Fitted on rows of even number, read on the others; None where either lacks one of the kinds.
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
        if not all(len(found) for found in both):
            return None
        parts.append(np.concatenate(both))
    train, test = parts
    scaler = StandardScaler().fit(features[train])
    model = LogisticRegression(max_iter=300, class_weight="balanced", random_state=0)
    with threadpool_limits(torch.get_num_threads()):
        model.fit(scaler.transform(features[train]), labels[train])
        guessed = model.predict(scaler.transform(features[test]))
    return float(balanced_accuracy_score(labels[test], guessed))


def _metrics(seen: _Seen, tau: float) -> dict[str, float]:
    found: dict[str, float] = {}
    for where, by_layer in seen.moments.items():
        spectra = [moments.squared() for moments in by_layer]
        found |= {f"{name}{where}": value for name, value in ranks(spectra[-1], tau).items()}
        for number, squared in enumerate(spectra):
            for name, value in ranks(squared, tau).items():
                found[f"{name}{where}_layer{number}"] = value
        raw = ranks(by_layer[-1].squared(is_centred=False), tau)
        found |= {f"{name}{where}_uncentred": value for name, value in raw.items()}
    found["rank_lost_to_masks"] = found["rank_tau"] - found["rank_tau_beside_masks"]
    found["iso_score"] = iso_score(seen.moments[""][-1].squared())
    found["mean_cosine"] = mean_cosine(torch.cat(seen.tokens))
    texts = torch.cat(seen.texts)
    if len(texts) > 1:
        found["uniformity"] = uniformity(texts)
    if seen.halves[0]:
        found["alignment"] = alignment(torch.cat(seen.halves[0]), torch.cat(seen.halves[1]))
    typed = probe_accuracy(*(torch.cat(part) for part in zip(*seen.typed, strict=True)))
    return found if typed is None else found | {"mask_probe": typed}


def _predictions(
    checkpoint: Path, data: Blocks, reader: _Reader, recipe: RepresentationRecipe
) -> dict[str, float]:
    """Return accuracy and perplexity of the objective itself, where it can hide that much."""
    found: dict[str, float] = {}
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
        found[f"perplexity_{percent}"] = math.exp(min(nats / predicted, 700.0))
        found[f"masked_accuracy_{percent}"] = correct / predicted
    return found


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
        reader = _Reader(checkpoint, corpus, recipe, spec.seed, device)
        metrics = _metrics(reader.read(progress), recipe.tau)
        metrics |= _predictions(checkpoint, corpus, reader, recipe)
    nothing = Examples([], (), np.empty(0))
    readings = () if spec.selection_only else (Reading(CLEAN, nothing, np.empty(0), metrics, ""),)
    nothing_chosen = Trial({}, None)
    return ProtocolResult(
        n_train=0,
        n_selection=0,
        n_test=len(reader.rows) if readings else 0,
        best=nothing_chosen,
        trials=(nothing_chosen,),
        readings=readings,
        seconds=time.perf_counter() - started,
        flops=reader.operations.total,
    )


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
