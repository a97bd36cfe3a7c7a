"""Hidden vectors that a frozen encoder gives of validation rows, unmasked and masked.

Legend: B rows, L positions, N vectors, D features.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mae_bench.data.blocks import Blocks
from mae_bench.draws import Block, Draws
from mae_bench.errors import DataError, DivergedError
from mae_bench.masking import CLS_ID, MASK_ID, NUM_SPECIAL, PAD_ID, SEP_ID, as_block, hide
from mae_bench.model.heads import pool
from mae_bench.pretraining.health import VALIDATION_EPOCH
from mae_bench.progress import Progress
from mae_bench.protocols.frozen_encoder import frozen_encoder
from mae_bench.protocols.spectra import Moments
from mae_bench.specs import RepresentationRecipe
from mae_bench.training.operations import OperationCount
from mae_bench.training.precision import autocast

SUFFIXES = ("", "_beside_masks", "_at_masks")  # of metrics: which vectors they are of
VECTORS_PER_FEATURE = 4  # fewer would bias a rank low
MAX_TURNS = 100  # passes over the rows, each with other masks, for enough vectors at masks
MIN_HALF = 4  # real tokens of a half that is a text


@dataclass
class Seen:
    """Vectors and sums that the passes over the rows collect.

    Attributes:
        moments: by suffix of the metrics, one a layer.
        texts: [N, D] mean-pooled rows.
        halves: [N, D] of first and of second halves, in the same order.
        tokens: real tokens of the last layer, for cosines.
        typed: last-layer vectors, whether each is of a mask, and the number of its row.
    """

    moments: dict[str, list[Moments]]
    texts: list[Tensor] = field(default_factory=list)
    halves: tuple[list[Tensor], list[Tensor]] = field(default_factory=lambda: ([], []))
    tokens: list[Tensor] = field(default_factory=list)
    typed: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)


class FrozenReader:
    """A frozen encoder and the rows that it encodes."""

    def __init__(
        self, checkpoint: Path, data: Blocks, recipe: RepresentationRecipe, seed: int, device: str
    ) -> None:
        self.backbone = frozen_encoder(checkpoint, device)
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
        batches = []
        for start in range(0, len(self.rows), size):
            ids = torch.from_numpy(self.rows[start : start + size]).to(self.device)
            numbers = torch.from_numpy(self.numbers[start : start + size]).to(self.device)
            batches.append((as_block(ids), numbers))
        return batches

    def layers(self, block: Block) -> tuple[Tensor, ...]:
        """Return [B, L, D] vectors of the embedding and of each layer.

        Raises:
            DivergedError: those of the last layer are not finite.
        """
        with autocast(self.device, self.recipe.precision):
            vectors = self.backbone.layers(block.ids, block.is_pad)
        self.operations.add_reading(block.ids.shape)
        if not bool(vectors[-1].isfinite().all()):
            raise DivergedError("the encoder's vectors are not finite")
        return vectors

    def read(self, progress: Progress) -> Seen:
        """Encode all rows unmasked, then masked until there are enough vectors at masks.

        Raises:
            DataError: the rows hide too few tokens.
            DivergedError: the vectors of the last layer are not finite.
        """
        batches = self.batches()
        self.require_masks(batches)
        count = self.backbone.config.num_hidden_layers + 1
        width = self.backbone.width
        seen = Seen({s: [Moments(width, self.device) for _ in range(count)] for s in SUFFIXES})
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
        num_masks = sum(num_wanted(block, ratio) for block, _ in batches)
        if num_masks * MAX_TURNS < self.needed:
            raise DataError(
                f"a rank at masks needs {self.needed} of them, and mask_ratio {ratio:g} hides "
                f"{num_masks} tokens of these {len(self.rows)} validation rows; raise "
                "representation.mask_ratio or representation.num_rows, or give longer texts"
            )

    def _plain(self, block: Block, seen: Seen) -> None:
        layers = self.layers(block)
        is_real = block.ids >= NUM_SPECIAL
        for moments, hidden in zip(seen.moments[""], layers, strict=True):
            moments.add(hidden[is_real].float())
        seen.tokens.append(layers[-1][is_real].float())
        seen.texts.append(pool(layers[-1], block.is_pad, "mean"))
        for side, half in zip(seen.halves, halves(block), strict=True):
            if len(half.ids):
                side.append(pool(self.layers(half)[-1], half.is_pad, "mean"))

    def _masked(self, block: Block, numbers: Tensor, turn: int, seen: Seen) -> None:
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
            # about as many real tokens as masks, so that the probe of token types is balanced
            share = self.recipe.mask_ratio / (1 - self.recipe.mask_ratio)
            is_twin = draws.uniform("probe", block.ids.shape[1]) < share
            is_used = is_masked | (is_real & is_twin)
            owners = numbers[:, None].expand_as(is_used)
            seen.typed.append((layers[-1][is_used].float(), is_masked[is_used], owners[is_used]))


def spaced(count: int, wanted: int) -> np.ndarray:
    """Return ``wanted`` evenly spaced indices below ``count``, or all of them."""
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
