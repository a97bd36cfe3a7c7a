"""How many directions a cloud of vectors fills: ranks of its spectrum, and how even it is.

Legend: N vectors, D features. ``squared`` is a spectrum: [D] squared singular values.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Spectrum = NDArray[np.float64]


class Moments:
    """Sums over vectors that give their spectrum without keeping them, in float64."""

    def __init__(self, width: int, device: str) -> None:
        """Start without a vector; ``width`` is D."""
        self.count = 0
        self._total = torch.zeros(width, dtype=torch.float64, device=device)
        self._gram = torch.zeros(width, width, dtype=torch.float64, device=device)

    def add(self, vectors: Tensor) -> None:
        """Take in vectors [N, D]."""
        exact = vectors.double()
        self.count += len(exact)
        self._total += exact.sum(0)
        self._gram += exact.T @ exact

    def squared(self, is_centred: bool = True) -> Spectrum:
        """Return the squared singular values of all vectors, largest first."""
        gram = self._gram
        if is_centred:
            gram = gram - torch.outer(self._total, self._total) / max(1, self.count)
        eigenvalues: Spectrum = torch.linalg.eigvalsh(gram).cpu().numpy()[::-1]
        return np.clip(eigenvalues, 0.0, None)  # rounding leaves some just below 0


def rank_tau(squared: Spectrum, tau: float) -> float:
    """Return the least number of directions that hold the share ``tau`` of the variance.

    Source: Cai et al. 2021 (Isotropy in the contextual embedding space, ICLR); the measure of
    Meng et al. 2024, arXiv:2302.02060.
    """
    total = squared.sum()
    if total <= 0:
        return 0.0
    return float(np.searchsorted(np.cumsum(squared) / total, tau - 1e-12) + 1)


def entropy_rank(squared: Spectrum) -> float:
    """Return the exponential of the entropy of the singular values, as shares of their sum.

    Source: Roy & Vetterli 2007, The effective rank (EUSIPCO).
    """
    values = np.sqrt(squared)
    if values.sum() <= 0:
        return 0.0
    shares = values[values > 0] / values.sum()
    return math.exp(-float((shares * np.log(shares)).sum()))


def participation_ratio(squared: Spectrum) -> float:
    """Return (sum of variances)^2 / sum of squared variances.

    Source: Gao et al. 2017, bioRxiv 214262.
    """
    return float(squared.sum() ** 2 / (squared**2).sum()) if squared.sum() > 0 else 0.0


def iso_score(squared: Spectrum) -> float:
    """Return 1 where all directions have the same variance, 0 where one has all of it.

    Source: Rudman et al. 2022, arXiv:2108.07344, section 3.
    """
    width = len(squared)
    size = float(np.sqrt((squared**2).sum()))
    if size <= 0 or width < 2:
        return 0.0
    evenly = np.sqrt(width) * squared / size
    spread = 2 * (width - math.sqrt(width))
    defect = float(np.sqrt(((evenly - 1) ** 2).sum())) / math.sqrt(spread)
    share = (width - defect**2 * (width - math.sqrt(width))) ** 2 / width**2
    return (width * share - 1) / (width - 1)


def mean_cosine(vectors: Tensor) -> float:
    """Return the mean cosine of all pairs of different vectors [N, D].

    Source: Ethayarajh 2019, arXiv:1909.00512 (there on a sample of pairs).
    """
    count = len(vectors)
    units = torch.nn.functional.normalize(vectors.double(), dim=-1)
    return (float(units.sum(0).square().sum()) - count) / (count * (count - 1))


def alignment(first: Tensor, second: Tensor) -> float:
    """Return the mean squared distance of positive pairs [N, D], after normalising.

    Source: Wang & Isola 2020, arXiv:2005.10242, with alpha = 2.
    """
    first, second = (
        torch.nn.functional.normalize(side.double(), dim=-1) for side in (first, second)
    )
    return float((first - second).square().sum(-1).mean())


def uniformity(vectors: Tensor) -> float:
    """Return the log of the mean Gaussian potential of all pairs [N, D], after normalising.

    Source: Wang & Isola 2020, arXiv:2005.10242, with t = 2. The lower, the more uniform.
    """
    units = torch.nn.functional.normalize(vectors.double(), dim=-1)
    return float(torch.pdist(units).square().mul(-2).exp().mean().log())
