"""What stands at the hidden positions of rows that an encoder reads whole.

Legend: B rows, L positions, M hidden positions a row, D width.
"""

from typing import Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor

from mae_bench.draws import Draws
from mae_bench.masking.hidden import Hidden, replace
from mae_bench.specs import Frozen

MASKS, RANDOM_TOKENS = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)  # shares of `replace`
STD = 0.02  # of noise, as of a fresh token embedding
_HALF_STEP = 2.0**-25  # half of the grid of the draws, so that no draw is 0 or 1


class FillOptions(Frozen):
    """Nothing stands at the removed positions: the encoder reads the kept tokens alone.

    Any fill lets it read whole rows, and drops its output at the filled positions.

    Attributes:
        fill: ``random_token`` (3ML, Liao et al. 2022, arXiv:2211.04898, keeps the tenth that BERT
            replaces so; here all hidden tokens are), or Gaussian ``noise`` instead of the
            token's embedding.
        reads_masks: a fill of [MASK]; the control that tells what removing is worth.
    """

    fill: Literal["none", "random_token", "noise"] = "none"
    reads_masks: bool = False

    @model_validator(mode="after")
    def _one_fill(self) -> Self:
        if self.reads_masks and self.fill != "none":
            raise ValueError(
                f"reads_masks cannot be combined with fill: {self.fill}; leave one of them out"
            )
        return self

    @property
    def is_filled(self) -> bool:
        """Whether the encoder reads whole rows."""
        return self.reads_masks or self.fill != "none"

    @property
    def fill_shares(self) -> tuple[float, float, float]:
        """Of [MASK], random tokens and the tokens themselves; noise covers the [MASK] there."""
        return RANDOM_TOKENS if self.fill == "random_token" else MASKS


def filled(
    ids: Tensor,
    hidden: Hidden,
    what: Tensor,
    vocab_size: int,
    shares: tuple[float, float, float] = RANDOM_TOKENS,
) -> Tensor:
    """Return ids [B, L] with all hidden tokens replaced; ``what`` [B, L] draws random ones."""
    return replace(ids, hidden, torch.zeros_like(what), what, shares=shares, vocab_size=vocab_size)


def noise(hidden: Hidden, draws: Draws, length: int, width: int) -> Tensor:
    """Return [B, M, D] standard normal vectors, a function of row and position.

    By the inverse of the normal distribution function: one draw a number, and none is infinite.
    """
    uniform = draws.uniform("noise", length * width).unflatten(1, (length, width))
    here = uniform.gather(1, hidden.positions[..., None].expand(-1, -1, width))
    normal: Tensor = torch.special.ndtri(here.double() + _HALF_STEP)
    return normal.float()


def put_noise(vectors: Tensor, positions: Tensor, noise: Tensor) -> Tensor:
    """Return [B, L, D] with standard normal [B, M, D], scaled to `STD`, at [B, M] positions."""
    here = positions[..., None].expand_as(noise)
    return vectors.scatter(1, here, (STD * noise).to(vectors.dtype))
