"""Vectors of words by a frozen encoder, computed once in a process and not once a cell.

As those of texts (`mae_bench.protocols.text_vectors`): a word's vector depends on its text alone.
Legend: N texts, M words that the encoder read, D hidden size.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from cachetools import LRUCache
from numpy.typing import NDArray
from torch import Tensor

from mae_bench.errors import DivergedError
from mae_bench.protocols.fixed_shapes import batches_of, fixed_batches, num_rows, padded_lengths
from mae_bench.protocols.frozen_encoder import (
    HELD_BYTES,
    OVERHEAD,
    frozen_encoder,
    number_of,
    stamps_of,
)
from mae_bench.specs import WordProbeRecipe
from mae_bench.tasks.base import Examples
from mae_bench.tasks.word_kind import WordKind, WordVectors
from mae_bench.training.batching import Indices, TokenSet, check_length, load_tokenizer
from mae_bench.training.operations import OperationCount
from mae_bench.training.precision import autocast, resolve_precision
from mae_bench.training.word_tokens import WordTokens

_Words = NDArray[np.float32] | Tensor  # [words of a text that were read, D]; on a GPU it stays
_held: LRUCache[object, tuple[_Words, int]] = LRUCache(HELD_BYTES, getsizeof=lambda held: held[1])


class WordReader:
    """A frozen encoder that gives the vectors of words.

    Attributes:
        operations: what encoding the texts of this cell costs, whether or not another cell of the
            process had them encoded before.
    """

    def __init__(
        self,
        checkpoint: Path,
        kind: WordKind,
        recipe: WordProbeRecipe,
        device: str,
        *,
        gives_tensors: bool = False,
    ) -> None:
        """Find the encoder and its tokenizer.

        Args:
            checkpoint: the encoder's folder.
            kind: of the task.
            recipe: how texts are read.
            device: that the encoder runs on.
            gives_tensors: whether vectors are tensors on the device, and no arrays.

        Raises:
            SpecError: the encoder has fewer positions than the recipe's ``max_length``.
        """
        self.backbone = frozen_encoder(checkpoint, device)
        config = self.backbone.config
        check_length(recipe.max_length, config)
        self.kind, self.recipe, self.device = kind, recipe, device
        self.gives_tensors = gives_tensors
        self.operations = OperationCount(config)
        self.num_rows = num_rows(config, recipe.batch_size)
        self._tokenizer = load_tokenizer(checkpoint)
        files = stamps_of(checkpoint)
        precision = resolve_precision(recipe.precision, device)
        content = (files, device, precision, recipe.max_length, recipe.batch_size)
        self._number = number_of(files, content)

    def read(self, examples: Examples) -> WordVectors:
        """Return float64 vectors of the words of examples.

        Raises:
            DivergedError: a vector is not finite.
        """
        tokens = self.kind.lay_out(
            self._tokenizer,
            examples,
            max_length=self.recipe.max_length,
            vocab_size=self.backbone.vocab_size,
            device=self.device,
        )
        padded = padded_lengths(tokens.lengths, self.recipe.max_length)
        for shape in batches_of(padded.tolist(), self.num_rows):
            self.operations.add_reading(shape)
        words = torch.cat([torch.as_tensor(each) for each in self._words(tokens)]).double()
        if not bool(words.isfinite().all()):
            raise DivergedError("the encoder's vectors are not finite")
        vectors = words if self.gives_tensors else words.cpu().numpy()
        is_read = [first >= 0 for first in tokens.first_tokens]
        return WordVectors(vectors, is_read)

    def _words(self, tokens: WordTokens) -> list[_Words]:
        """Return the vectors of the words of each text."""
        ids = tokens.ids.cpu().numpy()
        firsts = [first[first >= 0] for first in tokens.first_tokens]
        keys = [
            (self._number, ids[row, :length].tobytes(), firsts[row].tobytes())
            for row, length in enumerate(tokens.lengths)
        ]
        words = {key: held[0] for key in keys if (held := _held.get(key)) is not None}
        new = {key: row for row, key in enumerate(keys) if key not in words}
        if new:
            rows = np.array(list(new.values()), dtype=np.int64)
            fresh = self._encoded(tokens, rows, firsts)
            for key, row in new.items():
                words[key] = vectors = fresh[row]
                size = vectors.nbytes + len(key[1]) + len(key[2]) + OVERHEAD
                if size <= HELD_BYTES:
                    _held[key] = (vectors, size)
        return [words[key] for key in keys]

    def _encoded(
        self, tokens: WordTokens, rows: Indices, firsts: Sequence[Indices]
    ) -> dict[int, _Words]:
        """Return the vectors of the words of some texts, by their rows.

        Args:
            tokens: of all texts.
            rows: of those that are encoded.
            firsts: of every text the first tokens of the words that were read.
        """
        index = torch.from_numpy(rows).to(self.device)
        wanted = TokenSet(tokens.ids[index], tokens.lengths[rows], tokens.device_lengths[index])
        padded = padded_lengths(wanted.lengths, self.recipe.max_length)
        words: dict[int, _Words] = {}
        with torch.inference_mode(), autocast(self.device, self.recipe.precision):
            for part, ids, is_pad in fixed_batches(wanted, padded, self.num_rows):
                batch = self.backbone(ids, None, is_pad)[: len(part)].float()
                if not self._is_on_gpu:
                    for row, array in zip(rows[part].tolist(), batch.numpy(), strict=True):
                        words[row] = array[firsts[row]]  # a copy: the batch is let go
                    continue
                read = [firsts[row] for row in rows[part].tolist()]
                counts = [len(each) for each in read]
                where = np.stack([np.repeat(np.arange(len(part)), counts), np.concatenate(read)])
                texts, places = torch.from_numpy(where).to(self.device)
                split = batch[texts, places].split(counts)
                for row, vectors in zip(rows[part].tolist(), split, strict=True):
                    words[row] = vectors.clone()  # a view would hold those of all texts
        return words

    @property
    def _is_on_gpu(self) -> bool:
        return self.device.startswith("cuda")
