"""Whether a pretraining is healthy: its loss on unseen rows, and whether its encoder learned.

A pretraining is on a plateau where its loss is no lower than what is reached without reading:
the loss that remains while its encoder is given another row in place of each row. This works
for any objective. Where tokens are predicted, their frequencies alone reach their entropy.
A plateau is a fact about the loss. The encoder may still have learned, from gradients that reach it
past the objective's reading (shared embeddings, say). The run has collapsed only where a probe of
the encoder finds nothing either (`checkup`).
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mae_bench.data.blocks import Blocks
from mae_bench.draws import Draws
from mae_bench.masking import as_block
from mae_bench.model.backbone import Backbone
from mae_bench.objectives.base import Block, Objective

VALIDATION_ROWS = 512
EXCHANGED_ROWS = 256
BATCH_ROWS = 64
VALIDATION_EPOCH = 2**31 - 1  # no training epoch, so no model was trained on these masks
MAX_COSINE = 0.999
# a plateau: the own loss is above this share of the unread loss; hardly trained: what is left of
# the unread loss is above this share of what was left at the start
MAX_LEFT = 0.99
MIN_ROWS = 8


def validation_loss(objective: Objective, data: Blocks, seed: int, device: str) -> float | None:
    """Return the mean loss on the first validation rows, always under the same masks."""
    if not objective.is_trained or len(data.validation) == 0:
        return None
    loss = _mean_loss(objective, data, seed, device, VALIDATION_ROWS)
    return loss if math.isfinite(loss) else None


@dataclass(frozen=True)
class Exchange:
    """What an objective gets from reading.

    Attributes:
        own: mean loss on validation rows.
        unread: the loss without reading them: with exchanged rows, or the entropy of single
            tokens where the objective predicts tokens and that is lower.
    """

    own: float
    unread: float

    @property
    def left(self) -> float:
        """The share of the unread loss that reading leaves; at most 1."""
        return self.own / self.unread if 0 <= self.own < self.unread else 1.0


def exchange(objective: Objective, data: Blocks, seed: int, device: str) -> Exchange | None:
    """Return the losses with and without reading; None for fewer than eight rows."""
    if not objective.is_trained or len(data.validation) < MIN_ROWS:
        return None
    own = _mean_loss(objective, data, seed, device, EXCHANGED_ROWS)
    with _exchanged(objective.backbone):
        other = _mean_loss(objective, data, seed, device, EXCHANGED_ROWS)
    return Exchange(own, min(other, data.unigram_entropy) if objective.predicts_tokens else other)


def describe_plateau(start: Exchange | None, end: Exchange | None) -> str:
    """Return a sentence where reading does not lower the loss, else nothing.

    Args:
        start: before the first step, from weights drawn at random; None where training went on
            from a trained encoder, or where there are too few rows.
        end: after the last step.
    """
    if end is None or not (math.isfinite(end.own) and math.isfinite(end.unread)):
        return ""
    losses = f"validation loss {end.own:.3f}, without reading {end.unread:.3f}"
    if end.left > MAX_LEFT:
        return f"plateau: {losses}"
    if start is not None and end.left > MAX_LEFT * start.left:
        return f"hardly trained, an untrained encoder reads as well: {losses}"
    return ""


@torch.no_grad()
def describe_collapse(backbone: Backbone, data: Blocks, device: str) -> str:
    """Return a sentence where different texts have almost the same vector, else nothing."""
    if len(data.validation) < MIN_ROWS:
        return ""
    backbone.eval()
    block, _ = _rows(data, 0, device)
    hidden = backbone(block.ids, None, block.is_pad).float()
    is_real = torch.ones_like(block.ids) if block.is_pad is None else (~block.is_pad).long()
    pooled = F.normalize((hidden * is_real[..., None]).sum(1) / is_real.sum(1, True), dim=-1)
    cosine = pooled @ pooled.T
    others = cosine[~torch.eye(len(pooled), dtype=torch.bool, device=cosine.device)]
    if not bool(torch.isfinite(others).all()):
        return "non-finite representation"
    if float(others.mean()) > MAX_COSINE:
        return f"collapsed representation: mean cosine of texts {float(others.mean()):.4f}"
    return ""


@torch.no_grad()
def _mean_loss(objective: Objective, data: Blocks, seed: int, device: str, rows: int) -> float:
    objective.eval()
    total, predicted = 0.0, 0
    for start in range(0, min(rows, len(data.validation)), BATCH_ROWS):
        block, ids = _rows(data, start, device)
        output = objective(
            objective.corrupt(block, Draws(seed, VALIDATION_EPOCH, ids, progress=1.0))
        )
        if output.predicted:
            total += float(output.loss) * output.predicted
        predicted += output.predicted
    return total / predicted if predicted else math.nan


@contextmanager
def _exchanged(backbone: Backbone) -> Iterator[None]:
    """Give the encoder, for each row that it is called with, another row of the same call.

    Every call draws a cycle of its own through all rows, so that none stays where it is and the two
    views of a text, in one call or in two, part.
    """
    generator = torch.Generator().manual_seed(0)

    def exchange_rows(
        module: object, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> tuple[tuple[object, ...], dict[str, object]]:
        rows = len(next(v for v in (*args, *kwargs.values()) if isinstance(v, Tensor)))
        order = torch.randperm(rows, generator=generator)
        source = torch.empty_like(order)
        source[order] = order.roll(1)

        def read(value: object) -> object:
            return value[source.to(value.device)] if isinstance(value, Tensor) else value

        return tuple(map(read, args)), {name: read(value) for name, value in kwargs.items()}

    hook = backbone.register_forward_pre_hook(exchange_rows, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()


def _rows(data: Blocks, start: int, device: str) -> tuple[Block, torch.Tensor]:
    rows = np.array(data.validation[start : start + BATCH_ROWS]).astype(np.int64)
    ids = torch.from_numpy(rows).to(device)
    # not by `has_pads`, which is about training rows: a padded row here would be read as text
    return as_block(ids), torch.arange(start, start + len(rows), device=device)
