"""What is read of a text that has more tokens than an encoder reads: an end, both, or chunks.

Special tokens stand around each part as around a whole text. Legend: N texts, K chunks of the
longest text, S tokens of the longest chunk, B batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mae_bench.specs import LongText
from mae_bench.training.batching import Indices, TokenSet, check_room, encode_texts
from mae_bench.training.token_cache import token_ids
from mae_bench.training.token_roles import pad_id, special_tokens

Ids = NDArray[np.int32]
_WHOLE = 1 << 24  # tokens; a text is read whole before it is cut


class LongTextRecipe(Protocol):
    """The options of a recipe that say how long texts are read."""

    @property
    def max_length(self) -> int:
        """Tokens of a text or of a chunk, special tokens among them."""

    @property
    def long_text(self) -> LongText:
        """What is read."""

    @property
    def head_ratio(self) -> float:
        """Share of the start in ``head_tail``."""

    @property
    def chunk_overlap_ratio(self) -> float:
        """Share of a chunk that the next one repeats."""

    @property
    def max_chunks(self) -> int:
        """Most chunks of a text."""


@dataclass(frozen=True)
class ChunkSet(TokenSet):
    """Texts as chunks: ``ids`` are [N, K, S] and ``lengths`` the real tokens of all chunks.

    Attributes:
        chunk_lengths: [N, K] real tokens of a chunk, 0 where a text has fewer chunks.
        device_chunk_lengths: the same on the device.
    """

    chunk_lengths: Indices
    device_chunk_lengths: Tensor

    def batch(self, index: Indices) -> tuple[Tensor, Tensor | None, Tensor]:
        """Return (ids [B, K, S], is_pad [B, K, S], index [B]), cut to the batch's longest."""
        lengths = self.chunk_lengths[index]
        num_chunks = int((lengths > 0).sum(axis=1).max())
        longest = self.padded(int(lengths.max()))
        on_device = torch.from_numpy(index).to(self.ids.device, non_blocking=True)
        ids = self.ids[:, :num_chunks, :longest].index_select(0, on_device)
        real = self.device_chunk_lengths[:, :num_chunks].index_select(0, on_device)
        columns = torch.arange(longest, device=ids.device)
        return ids, columns >= real.unsqueeze(-1), on_device

    def flat(self) -> tuple[TokenSet, Indices]:
        """Return every chunk as a row, in order, and the number of the text of each."""
        owners, numbers = self.chunk_lengths.nonzero()
        lengths = self.chunk_lengths[owners, numbers]
        on_device = torch.from_numpy(lengths).to(self.ids.device)
        where = [torch.from_numpy(each).to(self.ids.device) for each in (owners, numbers)]
        return TokenSet(self.ids[where[0], where[1]], lengths, on_device), owners

    def read_shape(self, index: Indices, shape: Sequence[int]) -> Sequence[int]:
        """Return (chunks, S): chunks that a text does not have are not encoded."""
        lengths = self.chunk_lengths[index]
        return int((lengths > 0).sum()), int(lengths.max())


def parts_of(row: Ids, num_before: int, num_after: int, recipe: LongTextRecipe) -> list[Ids]:
    """Return what is read of a whole row of ids: one part, or its chunks.

    A text that fits is one part, as it is. ``head_tail`` is Sun et al. 2019 (arXiv:1905.05583),
    128 and 382 of 510 tokens there, as a share.

    Args:
        row: with special tokens.
        num_before: special tokens at its start.
        num_after: those at its end.
        recipe: how it is cut.
    """
    if len(row) <= recipe.max_length:
        return [row]
    before, after = row[:num_before], row[len(row) - num_after :]
    body = row[num_before : len(row) - num_after]
    room = recipe.max_length - num_before - num_after
    num_head = {"head": room, "tail": 0}.get(
        recipe.long_text, min(max(round(room * recipe.head_ratio), 1), room)
    )
    if recipe.long_text != "chunks":
        ends = [body[:num_head], body[len(body) - (room - num_head) :]]
        return [np.concatenate([before, *ends, after])]
    step = max(1, room - round(room * recipe.chunk_overlap_ratio))
    num_chunks = min(1 + -(-(len(body) - room) // step), recipe.max_chunks)
    chunks = [body[start : start + room] for start in range(0, num_chunks * step, step)]
    return [np.concatenate([before, chunk, after]) for chunk in chunks]


def lay_out(
    tokenizer: Any, texts: Sequence[str], recipe: LongTextRecipe, *, vocab_size: int, device: str
) -> TokenSet:
    """Return texts, cut as the recipe says; of ``chunks`` a `ChunkSet`.

    Raises:
        SpecError: ``max_length`` leaves no room beside special tokens.
        DataError: there is no text, or the tokenizer knows tokens that the encoder does not.
    """
    rows = token_ids(tokenizer, (texts,), _WHOLE, encode_texts(tokenizer, _WHOLE))
    num_before, num_after = map(len, special_tokens(tokenizer, 1))
    check_room(recipe.max_length, num_before + num_after)
    parts = [parts_of(row, num_before, num_after, recipe) for row in rows]
    fields: dict[str, Any] = {
        "pad_id": pad_id(tokenizer, vocab_size),
        "vocab_size": vocab_size,
        "device": device,
    }
    flat = TokenSet.of([part for text in parts for part in text], **fields)
    if recipe.long_text != "chunks":
        return flat
    counts = np.array([len(text) for text in parts])
    # where each chunk stands among the chunks of its text
    numbers = np.arange(len(flat)) - np.repeat(np.cumsum(counts) - counts, counts)
    owners = np.repeat(np.arange(len(parts)), counts)
    lengths = np.zeros((len(parts), int(counts.max())), dtype=np.int64)
    lengths[owners, numbers] = flat.lengths
    shape = (*lengths.shape, flat.ids.shape[1])
    ids = torch.full(shape, fields["pad_id"], dtype=torch.int32, device=device)
    ids[torch.from_numpy(owners).to(device), torch.from_numpy(numbers).to(device)] = flat.ids
    totals = lengths.sum(axis=1)
    on_device = [torch.from_numpy(each).to(device) for each in (totals, lengths)]
    return ChunkSet(ids, totals, on_device[0], lengths, on_device[1])
