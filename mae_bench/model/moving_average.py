"""An encoder whose weights follow another's as an exponential moving average.

Legend: B rows, L tokens a row, M of them wanted, D width.
"""

import copy
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional as F

from mae_bench.model.backbone import Backbone


class MovingAverage(Backbone):
    """A copy of an encoder, always in evaluation mode, that no gradient reaches.

    Source: data2vec, Baevski et al. 2022, arXiv:2202.03555. Differs: one decay throughout, and
    the embeddings are averaged too.
    """

    def __init__(self, backbone: Backbone, decay: float) -> None:
        """Start at the encoder's present weights."""
        super().__init__(copy.deepcopy(backbone.encoder))
        self.decay = decay
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode, whatever the student does."""
        return super().train(False)

    @torch.no_grad()
    def targets(
        self, input_ids: Tensor, positions: Tensor, is_pad: Tensor | None, wanted: Tensor
    ) -> Tensor:
        """Return layer-normalised features [B, M, D] at the wanted [B, M] of all [B, L] tokens."""
        # All tokens are read, the wanted ones too: a target may know what the student must guess.
        features = self(input_ids, positions, is_pad)
        here = features.gather(1, wanted[..., None].expand(-1, -1, self.width)).float()
        return F.layer_norm(here, (self.width,))

    @torch.no_grad()
    def update(self, backbone: Backbone) -> None:
        """Move every weight to decay x average + (1 - decay) x the encoder's."""
        # Parameters alone: an encoder's buffers, as the frequencies of positions, never change.
        for average, weight in zip(self.parameters(), backbone.parameters(), strict=True):
            average.lerp_(weight, 1 - self.decay)
