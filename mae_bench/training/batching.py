"""Texts as token ids on the device, and the order in which batches read them.

Tokenised once; a batch is an index into resident ids, cut to its longest text. Batches of
similar length waste little on padding without packing texts together, which would let one
text attend to another. Legend: N texts, L longest text, B batch, S longest text of the batch.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mae_bench.backbones import num_positions
from mae_bench.errors import DataError, SpecError, first_line
from mae_bench.plurals import counted
from mae_bench.seeding import seed_for
from mae_bench.training.length_buckets import bucket_of
from mae_bench.training.token_cache import same_tokenizer, token_ids
from mae_bench.training.token_roles import pad_id

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class TokenSet:
    """Tokenised texts.

    Attributes:
        ids: [N, L] int32 on the device, padded at the right.
        lengths: [N] number of real tokens, on the host.
        device_lengths: the same on the device.
        has_buckets: whether batches are padded to few lengths, and no longer than the longest text,
            so that a device meets few shapes; else each to its own longest.
    """

    ids: Tensor
    lengths: Indices
    device_lengths: Tensor
    has_buckets: bool = field(default=False, kw_only=True)

    @classmethod
    def of(
        cls,
        rows: Sequence[Sequence[int] | NDArray[np.int32]],
        *,
        pad_id: int,
        vocab_size: int,
        device: str,
        **fields: Any,
    ) -> Self:
        """Return rows of token ids, padded; ``fields`` are what a subclass holds beside them.

        Raises:
            DataError: an id is outside the encoder's vocabulary.
        """
        # a text without any token becomes one padding token that counts as real
        lengths = np.array([max(len(row), 1) for row in rows], dtype=np.int64)
        ids = np.full((len(rows), int(lengths.max())), pad_id, dtype=np.int32)
        is_real = np.arange(ids.shape[1]) < np.array([len(row) for row in rows])[:, None]
        ids[is_real] = np.concatenate(rows)
        if int(ids.max()) >= vocab_size:
            raise DataError(
                f"token id {int(ids.max())} is outside the encoder's vocabulary of {vocab_size}; "
                "the tokenizer beside the checkpoint belongs to another encoder"
            )
        on_device = torch.from_numpy(lengths).to(device)
        return cls(torch.from_numpy(ids).to(device), lengths, on_device, **fields)

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.lengths)

    def read_shape(self, index: Indices, shape: Sequence[int]) -> Sequence[int]:
        """Return the shape of ids that an encoder must read, for a batch of ids of ``shape``.

        What buckets pad beside is not charged: costs are the same on every device.
        """
        return (*shape[:-1], int(self.lengths[index].max()))

    def padded(self, longest: int) -> int:
        """Return the length of a batch whose longest text has so many tokens."""
        return min(bucket_of(longest), self.ids.shape[-1]) if self.has_buckets else longest

    def batch(self, index: Indices) -> tuple[Tensor, Tensor | None, Tensor]:
        """Return (ids [B, S], is_pad [B, S] or None where nothing is padded, index [B])."""
        lengths = self.lengths[index]
        longest = self.padded(int(lengths.max()))
        on_device = torch.from_numpy(index).to(self.ids.device, non_blocking=True)
        ids = self.ids[:, :longest].index_select(0, on_device)
        if int(lengths.min()) == longest:
            return ids, None, on_device
        columns = torch.arange(longest, device=ids.device)
        is_pad = columns >= self.device_lengths.index_select(0, on_device).unsqueeze(1)
        return ids, is_pad, on_device


def load_tokenizer(checkpoint: Path | str) -> Any:
    """Return the tokenizer beside a checkpoint, or of a Hub id; never with remote code.

    Raises:
        SpecError: there is none.
    """
    from transformers import AutoTokenizer

    def load() -> object:
        return AutoTokenizer.from_pretrained(str(checkpoint), trust_remote_code=False)

    folder = Path(checkpoint)
    try:
        return same_tokenizer(folder, load) if folder.is_dir() else load()
    except (OSError, ValueError, ImportError) as error:
        raise SpecError(
            f"'{checkpoint}' holds no tokenizer that transformers can load: {first_line(error)}"
        ) from error


def tokenize(
    tokenizer: Any,
    texts: Sequence[Sequence[str]],
    *,
    max_length: int,
    vocab_size: int,
    device: str,
) -> TokenSet:
    """Return the token ids of texts, or of pairs as one sequence ``[CLS] a [SEP] b [SEP]``.

    A pair that is too long loses tokens from the longer of its two texts. What a text says is
    text, also "[MASK]" or whatever the tokenizer's special tokens are written like.

    Raises:
        DataError: there is no text, or the tokenizer knows tokens that the encoder does not.
    """
    if not texts[0]:
        raise DataError("no texts to read: the split is empty; use a larger task or train size")
    rows = token_ids(tokenizer, texts, max_length, encode_texts(tokenizer, max_length))
    filler = pad_id(tokenizer, vocab_size)
    return TokenSet.of(rows, pad_id=filler, vocab_size=vocab_size, device=device)


def encode_texts(tokenizer: Any, max_length: int) -> Callable[[list[list[str]]], list[list[int]]]:
    """Return what turns columns of texts into rows of ids that are cut at ``max_length``."""

    def encode(columns: list[list[str]]) -> list[list[int]]:
        rows: list[list[int]] = tokenizer(
            *columns,
            truncation="longest_first",
            max_length=max_length,
            padding=False,
            # Else a text that says "[SEP]" would end the row there.
            split_special_tokens=True,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )["input_ids"]
        return rows

    return encode


def check_length(max_length: int, config: object) -> None:
    """Check that an encoder has positions for ``max_length`` tokens.

    Raises:
        SpecError: it has fewer; the message names both numbers.
    """
    kind = getattr(config, "model_type", "")
    positions = num_positions({"model_type": kind, **vars(config)})
    if positions is not None and max_length > positions:
        raise SpecError(
            f"max_length {max_length} of the protocol is above the {positions} positions of the "
            f"encoder; set max_length to at most {positions}, or "
            "pretrain with a larger backbone.max_length"
        )


def check_room(max_length: int, num_special: int) -> None:
    """Check that ``max_length`` tokens hold one of a text beside so many special tokens.

    Raises:
        SpecError: they do not; the message names both numbers.
    """
    if max_length <= num_special:
        raise SpecError(
            f"max_length {max_length} leaves no room for text beside "
            f"{counted(num_special, 'special token')}; raise it"
        )


def epoch_batches(
    lengths: Indices, batch_size: int, bucket_batches: int, generator: np.random.Generator
) -> list[Indices]:
    """Return one epoch as batches: a permutation, sorted by length within groups.

    A group holds ``bucket_batches`` batches; 1 means no sorting. Then the batches are
    shuffled, so that length does not follow time.
    """
    order = generator.permutation(len(lengths)).astype(np.int64)
    group = batch_size * bucket_batches
    batches: list[Indices] = []
    for start in range(0, len(order), group):
        part = order[start : start + group]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches += [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
    return [batches[i] for i in generator.permutation(len(batches))]


def training_batches(
    lengths: Indices, *, batch_size: int, bucket_batches: int, steps: int, task: str, seed: int
) -> Iterator[Indices]:
    """Yield ``steps`` batches, epoch after epoch; the order depends on (task, seed, epoch)."""
    epoch = 0
    while steps > 0:
        stream = seed_for("finetune_order", task=task, seed=seed, epoch=epoch)
        batches = epoch_batches(lengths, batch_size, bucket_batches, np.random.default_rng(stream))
        yield from batches[:steps]
        steps -= len(batches)
        epoch += 1


def reading_batches(lengths: Indices, batch_size: int) -> list[Indices]:
    """Return all texts once, longest first, so that memory runs out early if it ever does."""
    order = np.argsort(-lengths, kind="stable").astype(np.int64)
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
