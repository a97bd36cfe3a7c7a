"""Whether a pretraining is healthy: its loss on unseen rows, and a collapsed representation."""

import math

import numpy as np
import torch
from torch.nn import functional as F

from mae_bench.data.blocks import Blocks
from mae_bench.draws import Draws
from mae_bench.masking import PAD_ID
from mae_bench.model.backbone import Backbone
from mae_bench.objectives.base import Block, Objective

VALIDATION_ROWS = 512
BATCH_ROWS = 64
VALIDATION_EPOCH = 2**31 - 1  # no training epoch, so the masks are nobody's
MAX_COSINE = 0.999


@torch.no_grad()
def validation_loss(objective: Objective, data: Blocks, seed: int, device: str) -> float | None:
    """Return the mean loss on the first validation rows, always under the same masks."""
    if not objective.is_trained or len(data.validation) == 0:
        return None
    objective.eval()
    total, predicted = 0.0, 0
    for start in range(0, min(VALIDATION_ROWS, len(data.validation)), BATCH_ROWS):
        block, ids = _rows(data, start, device)
        output = objective(
            objective.corrupt(block, Draws(seed, VALIDATION_EPOCH, ids, progress=1.0))
        )
        if output.predicted:
            total += float(output.loss) * output.predicted
        predicted += output.predicted
    loss = total / predicted if predicted else math.nan
    return loss if math.isfinite(loss) else None


@torch.no_grad()
def describe_collapse(backbone: Backbone, data: Blocks, device: str) -> str:
    """Return a sentence where different texts have almost the same vector, else nothing."""
    if len(data.validation) < 8:
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


def _rows(data: Blocks, start: int, device: str) -> tuple[Block, torch.Tensor]:
    rows = np.array(data.validation[start : start + BATCH_ROWS]).astype(np.int64)
    ids = torch.from_numpy(rows).to(device)
    block = Block(ids, ids == PAD_ID if data.has_pads else None)
    return block, torch.arange(start, start + len(rows), device=device)
