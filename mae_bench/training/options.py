"""Examples that are several texts each, of which a model scores every one.

Legend: N examples, K most texts of an example, L longest text, B batch, S longest of the batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mae_bench.training.batching import Indices, TokenSet


@dataclass(frozen=True)
class Options(TokenSet):
    """Tokenised texts, several an example; a row is an example.

    ``ids`` is [N, K, L] and ``device_lengths`` [N, K]; ``lengths`` [N] is of the longest text.

    Attributes:
        counts: [N] number of texts, on the host.
    """

    counts: Indices

    def batch(self, index: Indices) -> tuple[Tensor, Tensor | None, Tensor]:
        """Return (ids [B, K, S], is_pad [B, K, S], index [B]); K is the most of the batch.

        A text that an example lacks is one padding token, which counts as real.
        """
        longest = self.padded(int(self.lengths[index].max()))
        most = int(self.counts[index].max())
        on_device = torch.from_numpy(index).to(self.ids.device, non_blocking=True)
        ids = self.ids[:, :most, :longest].index_select(0, on_device)
        lengths = self.device_lengths[:, :most].index_select(0, on_device)
        columns = torch.arange(longest, device=ids.device)
        return ids, columns >= lengths.unsqueeze(2), on_device


def group(texts: TokenSet, counts: Sequence[int] | Indices, pad_id: int) -> Options:
    """Return texts as examples: the first ``counts[0]`` are the first example, and so on."""
    numbers = np.asarray(counts, dtype=np.int64)
    has_text = torch.from_numpy(np.arange(int(numbers.max())) < numbers[:, None])
    has_text = has_text.to(texts.ids.device)
    ids = texts.ids.new_full((*has_text.shape, texts.ids.shape[1]), pad_id)
    ids[has_text] = texts.ids
    lengths = torch.ones(has_text.shape, dtype=texts.device_lengths.dtype, device=ids.device)
    lengths[has_text] = texts.device_lengths
    return Options(ids, lengths.amax(dim=1).cpu().numpy(), lengths, numbers)
