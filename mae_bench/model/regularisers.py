"""Terms against collapse: variance and covariance of a batch of vectors.

Source: VICReg, Bardes et al. 2022, arXiv:2105.04906, eq. 1 and 4. Legend: N vectors, D width.
"""

from typing import Annotated

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from mae_bench.costs import TRAIN
from mae_bench.model.across_ranks import whole_batch
from mae_bench.specs import Frozen

TARGET_STD, EPSILON = 1.0, 1e-4


class CollapseOptions(Frozen):
    """Both terms are off by default.

    Attributes:
        variance_weight: of the variance term on mean-pooled encoder output, in training only.
        covariance_weight: of the covariance term on the same.
    """

    variance_weight: Annotated[float, Field(ge=0)] = 0.0
    covariance_weight: Annotated[float, Field(ge=0)] = 0.0

    @property
    def is_regularised(self) -> bool:
        """Whether there is a term."""
        return self.variance_weight > 0 or self.covariance_weight > 0

    def penalty(self, vectors: Tensor) -> Tensor:
        """Return the weighted terms on [N, D] vectors, among several ranks on those of all."""
        vectors = whole_batch(vectors)
        variance = self.variance_weight * variance_loss(vectors)
        return variance + self.covariance_weight * covariance_loss(vectors)

    def penalty_flops(self, rows: int, width: int) -> float:
        """Return a training step's operations: those of the covariance matrix."""
        return TRAIN * 2.0 * rows * width**2 if self.is_regularised else 0.0


def variance_loss(vectors: Tensor) -> Tensor:
    """Return how far the standard deviation of [N, D] vectors falls below 1, a coordinate."""
    std = (_centred(vectors).square().sum(0) / _degrees(vectors) + EPSILON).sqrt()
    return F.relu(TARGET_STD - std).mean()


def covariance_loss(vectors: Tensor) -> Tensor:
    """Return the squared covariances between different coordinates of [N, D], summed, over D."""
    centred = _centred(vectors)
    covariance = centred.T @ centred / _degrees(vectors)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / vectors.shape[1]


def _centred(vectors: Tensor) -> Tensor:
    wide = vectors.float()  # a variance is a difference of near numbers: bf16 loses it
    return wide - wide.mean(0)


def _degrees(vectors: Tensor) -> int:
    return max(1, len(vectors) - 1)
