"""Batches in which a text gets the same bits beside whatever texts it is read.

In matrix products and attention of one shape each row gets the same bits wherever it stands: a
batch has a fixed number of rows, padded to the next multiple of 8 tokens, and is filled up with
repeated ones. Recurrences split their rows unevenly among vector lanes: they read one text at a
time. Legend: N texts, B rows of a batch, S its padded length.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mae_bench.backbones import architecture_of_config, content_of
from mae_bench.training.batching import Indices, TokenSet

Shape = tuple[int, int]  # rows and tokens of a batch
LENGTH_STEP = 8  # tokens


def num_rows(config: Any, batch_size: int) -> int:
    """Return the texts of a batch, for an encoder of a config."""
    return batch_size if architecture_of_config(content_of(config)).has_attention else 1


def padded_lengths(lengths: Indices, max_length: int) -> Indices:
    """Return the length [N] at which each text is read."""
    padded: Indices = np.minimum(-(-lengths // LENGTH_STEP) * LENGTH_STEP, max_length)
    return padded


def batches_of(lengths: Iterable[int], rows: int) -> list[Shape]:
    """Return the batches that texts of these padded lengths take."""
    return [
        (rows, length)
        for length, count in sorted(Counter(lengths).items())
        for _ in range(-(-count // rows))
    ]


def fixed_batches(
    tokens: TokenSet, padded: Indices, rows: int
) -> Iterator[tuple[Indices, Tensor, Tensor]]:
    """Yield the texts of each batch, of which its first rows are, its ids and is_pad [B, S]."""
    device = tokens.ids.device
    ids = torch.nn.functional.pad(tokens.ids, (0, max(0, int(padded.max()) - tokens.ids.shape[1])))
    for length in np.unique(padded):
        members = np.flatnonzero(padded == length)
        for start in range(0, len(members), rows):
            part = members[start : start + rows]
            index = torch.from_numpy(np.resize(part, rows)).to(device)  # filled up with itself
            batch = ids[:, : int(length)].index_select(0, index)
            real = tokens.device_lengths.index_select(0, index).unsqueeze(1)
            yield part, batch, torch.arange(int(length), device=device) >= real
