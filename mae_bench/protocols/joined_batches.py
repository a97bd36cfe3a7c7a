"""Batches of several fine-tunes at once, padded to the same shape.

Legend: F fine-tunes, B rows, K texts of an example where it has several, S tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mae_bench.training.batching import Indices, TokenSet


@dataclass(frozen=True)
class JoinedBatches:
    """A batch of each fine-tune.

    Attributes:
        ids: [F, B, S] or [F, B, K, S].
        is_pad: of the same shape, or None where nothing is padded.
        shapes: of the ids of each fine-tune alone: B and S, or B, K and S.
        rows: of each, the numbers of its rows, on the device.
    """

    ids: Tensor
    is_pad: Tensor | None
    shapes: Sequence[tuple[int, ...]]
    rows: Sequence[Tensor]

    def padded(self, values: Sequence[Tensor], *, is_of_tokens: bool) -> Tensor:
        """Return values of each row, or token, of each fine-tune, 1 where there was none.

        Args:
            values: F tensors [B, (K), (S), D].
            is_of_tokens: whether S is there.

        Returns:
            [F, rows, (S), D], as a head is given them: rows are all texts of a batch.
        """
        most = self.ids.shape[1:] if is_of_tokens else self.ids.shape[1:-1]
        whole = torch.stack([_filled(value, (*most, value.shape[-1]), 1.0) for value in values])
        return whole.flatten(1, 2) if self.ids.dim() == 4 else whole


def join(texts: Sequence[TokenSet], indices: Sequence[Indices]) -> JoinedBatches:
    """Return the batch of each fine-tune, by the numbers of its rows.

    One with fewer rows than another repeats some of its own.
    """
    most = max(map(len, indices))
    batches = [
        each.batch(np.resize(index, most)) for each, index in zip(texts, indices, strict=True)
    ]
    numbers = list(map(len, indices))
    shapes = [
        (number, *own.shape[1:]) for number, (own, _, _) in zip(numbers, batches, strict=True)
    ]
    rows = [row[:number] for number, (_, _, row) in zip(numbers, batches, strict=True)]
    shape = tuple(max(sizes) for sizes in zip(*(own.shape for own, _, _ in batches), strict=True))
    has_pads = any(is_pad is not None or own.shape != shape for own, is_pad, _ in batches)
    ids = torch.stack([_filled(own, shape, 0) for own, _, _ in batches])
    if not has_pads:
        return JoinedBatches(ids, None, shapes, rows)
    pads = []
    for own, is_pad, _ in batches:
        pads.append(_filled(torch.zeros_like(own) if is_pad is None else is_pad, shape, 1).bool())
        if len(shape) == 3:  # a text that an example lacks has one token that counts as real
            pads[-1][:, own.shape[1] :, 0] = False
    return JoinedBatches(ids, torch.stack(pads), shapes, rows)


def _filled(values: Tensor, shape: Sequence[int], value: float) -> Tensor:
    """Return values, in each dimension filled up at its end."""
    missing = [wanted - size for wanted, size in zip(shape, values.shape, strict=True)]
    if not any(missing):
        return values
    return functional.pad(values, [n for each in reversed(missing) for n in (0, each)], value=value)
