"""InfoNCE: a text's two vectors must be nearer to each other than to the rest of the batch.

Source: van den Oord et al. 2018, arXiv:1807.03748. Legend: B texts, S tokens a text, D width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mae_bench.model.across_ranks import whole_batch

WHOLE_BATCH = "InfoNCE tells a text from all others of its batch"


def build_projector(width: int) -> nn.Sequential:
    """Return two layers of the encoder's width, for training only (by the global generator)."""
    return nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))


def mean_pool(hidden: Tensor, is_pad: Tensor | None) -> Tensor:
    """Return [B, D], the mean of [B, S, D] over tokens that are not padding."""
    if is_pad is None:
        return hidden.mean(1)
    is_real = (~is_pad)[..., None]
    return (hidden * is_real).sum(1) / is_real.sum(1)


def similarities(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Return [B, B] cosines of two sides' vectors [B, D], divided by the temperature.

    Among several ranks B are the rows of all.
    """
    first, second = whole_batch(first), whole_batch(second)
    # fp32: bf16 rounds a cosine near 1 by up to .002, which a temperature of .05 makes .04
    first, second = F.normalize(first.float(), dim=-1), F.normalize(second.float(), dim=-1)
    return first @ second.T / temperature


def info_nce(similarity: Tensor) -> Tensor:
    """Return the mean of both sides' cross-entropies, in nats; the own text is on the diagonal."""
    own = torch.arange(len(similarity), device=similarity.device)
    return (F.cross_entropy(similarity, own) + F.cross_entropy(similarity.T, own)) / 2


def matched(similarity: Tensor) -> Tensor:
    """Return the share of first vectors whose nearest second vector is their own text's."""
    own = torch.arange(len(similarity), device=similarity.device)
    return (similarity.argmax(-1) == own).float().mean()
