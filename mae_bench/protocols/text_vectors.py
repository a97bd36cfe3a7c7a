"""Vectors of texts by a frozen encoder, computed once in a process and not once a cell.

A worker stays at one checkpoint, whose cells of all train sizes, seeds and noises share most of
their texts. So that sharing changes no number, a text's vector depends on the text alone and on no
text beside it: batches have fixed shapes (`mae_bench.protocols.fixed_shapes`).

Legend: N texts, P poolings, S padded length, D hidden size.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cachetools import LRUCache
from numpy.typing import NDArray
from torch import Tensor

from mae_bench.errors import DivergedError
from mae_bench.model.backbone import Backbone
from mae_bench.model.heads import pool
from mae_bench.protocols.fixed_shapes import (
    Shape,
    batches_of,
    fixed_batches,
    num_rows,
    padded_lengths,
)
from mae_bench.protocols.frozen_encoder import (
    HELD_BYTES,
    OVERHEAD,
    frozen_encoder,
    number_of,
    stamps_of,
)
from mae_bench.specs import ProbeRecipe, VectorRecipe
from mae_bench.training.batching import Indices, TokenSet, check_length, load_tokenizer, tokenize
from mae_bench.training.long_texts import ChunkSet, lay_out
from mae_bench.training.precision import autocast, resolve_precision
from mae_bench.training.token_roles import own_poolings

Vectors = NDArray[np.float32] | Tensor  # on a GPU they stay there

_held: LRUCache[object, tuple[Vectors, tuple[int, ...], int]] = LRUCache(
    HELD_BYTES, getsizeof=lambda held: held[2]
)
_configs: LRUCache[object, Any] = LRUCache(16)


class VectorSource:
    """One frozen encoder under one recipe, and the vectors that this process has of it.

    Attributes:
        config: of the encoder.
        poolings: those of the recipe, as they are for its tokenizer.
        num_rows: texts of a batch.
    """

    def __init__(
        self, checkpoint: Path | str, recipe: ProbeRecipe | VectorRecipe, device: str
    ) -> None:
        """Read the encoder's config, and the encoder only where it was never read before.

        Raises:
            SpecError: the encoder has fewer positions than the recipe's ``max_length``.
        """
        self.recipe, self.device = recipe, device
        self._checkpoint = checkpoint
        self._tokenizer = load_tokenizer(checkpoint)
        self.poolings = own_poolings(recipe.poolings, self._tokenizer)
        files = stamps_of(checkpoint)
        key = (files, device)
        self.config = _configs.get(key)
        if self.config is None:
            self.config = _configs[key] = self._backbone.config
        check_length(recipe.max_length, self.config)
        precision = resolve_precision(recipe.precision, device)
        content = (key, precision, self.poolings, *_that_matter(recipe))
        self._number = number_of(files, content)
        self.num_rows = num_rows(self.config, recipe.batch_size)

    def vectors(self, texts: Sequence[str]) -> tuple[Vectors, list[Shape]]:
        """Return vectors [N, P, D] of distinct texts, and the batches that they alone would take.

        A tensor on a GPU, else an array.

        Raises:
            DivergedError: a vector is not finite.
        """
        cached = [_held.get((self._number, text)) for text in texts]
        new = [text for text, held in zip(texts, cached, strict=True) if held is None]
        fresh = self._encoded(new) if new else {}
        rows: list[Any] = []
        read: list[int] = []
        for text, held in zip(texts, cached, strict=True):
            vectors, lengths = fresh[text] if held is None else held[:2]
            rows.append(vectors)
            read += lengths
        stack = torch.stack if self._is_on_gpu else np.stack
        return stack(rows), batches_of(read, self.num_rows)

    def _encoded(self, texts: Sequence[str]) -> Mapping[str, tuple[Vectors, tuple[int, ...]]]:
        """Return the vectors [P, D] of each new text, and the padded lengths of its chunks."""
        backbone = self._backbone
        tokens, owners = self._rows(texts, backbone.vocab_size)
        padded = padded_lengths(tokens.lengths, self.recipe.max_length)
        shape = (len(tokens), len(self.poolings), backbone.width)
        on_device = torch.empty(shape, device=self.device)
        with torch.inference_mode(), autocast(self.device, self.recipe.precision):
            for part, ids, is_pad in fixed_batches(tokens, padded, self.num_rows):
                hidden = backbone(ids, None, is_pad)
                pooled = [pool(hidden, is_pad, name) for name in self.poolings]
                where = torch.from_numpy(part).to(self.device)
                on_device[where] = torch.stack(pooled, dim=1)[: len(part)].float()
        if not bool(on_device.isfinite().all()):
            raise DivergedError("the encoder's vectors are not finite")
        table = on_device if self._is_on_gpu else on_device.numpy()
        fresh = {}
        ends = np.cumsum(np.bincount(owners, minlength=len(texts)))
        for text, start, end in zip(texts, [0, *ends[:-1]], ends, strict=True):
            rows = table[start:end]
            if end - start > 1:
                vectors = rows.mean(0)
            else:  # a view would hold the whole table
                vectors = rows[0].clone() if isinstance(rows, Tensor) else rows[0].copy()
            fresh[text] = held = (vectors, tuple(map(int, padded[start:end])))
            size = held[0].nbytes + len(text) + OVERHEAD
            if size <= HELD_BYTES:
                _held[self._number, text] = (*held, size)
        return fresh

    def _rows(self, texts: Sequence[str], vocab_size: int) -> tuple[TokenSet, Indices]:
        """Return the rows that texts are read as, and the number of the text of each row."""
        recipe = self.recipe
        fields: dict[str, Any] = {"vocab_size": vocab_size, "device": self.device}
        if isinstance(recipe, VectorRecipe) or recipe.long_text == "head":
            tokens = tokenize(self._tokenizer, (texts,), max_length=recipe.max_length, **fields)
        else:
            tokens = lay_out(self._tokenizer, texts, recipe, **fields)
        if isinstance(tokens, ChunkSet):
            return tokens.flat()
        return tokens, np.arange(len(texts))

    @property
    def _is_on_gpu(self) -> bool:
        return self.device.startswith("cuda")

    @cached_property
    def _backbone(self) -> Backbone:
        return frozen_encoder(self._checkpoint, self.device)


def _that_matter(recipe: ProbeRecipe | VectorRecipe) -> tuple[object, ...]:
    """Return what vectors depend on in a recipe, beside its poolings and precision."""
    shape = (recipe.max_length, recipe.batch_size)
    if isinstance(recipe, VectorRecipe) or recipe.long_text == "head":
        return shape
    chunks = (recipe.chunk_overlap_ratio, recipe.max_chunks)
    return (*shape, recipe.long_text, recipe.head_ratio, *chunks)
