"""Questions and long contexts as a model reads them: windows that slide over the context.

Each window is ``[CLS] question [SEP] part of the context [SEP]`` (Devlin et al. 2019,
arXiv:1810.04805, section 4.2). Every token of a context knows the characters that it stands for,
so that an answer is cut from the text itself, whatever the tokenizer.
Legend: N examples, R windows, L longest window, T tokens of a context.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from cachetools import LRUCache
from numpy.typing import NDArray

from mae_bench.errors import DataError, SpecError
from mae_bench.training.batching import Indices, TokenSet
from mae_bench.training.token_cache import number_of
from mae_bench.training.token_roles import pad_id, special_tokens

MIN_CONTEXT = 8  # tokens of a context in a window, fewer say nothing
MAX_BYTES = 64 << 20  # of tokens and texts that a process keeps
_OVERHEAD = 600  # bytes that Python takes for a key and two arrays

Pieces = tuple[NDArray[np.int32], NDArray[np.int32]]
"""Ids [T], and offsets [T, 2]: first character of each token, and the one after its last."""


@dataclass(frozen=True)
class Windows(TokenSet):
    """Questions with windows over their contexts; a row is a window.

    Attributes:
        contexts: N texts.
        offsets: N arrays [T, 2] of the characters that a context's tokens stand for.
        owners: [R] the example of each window.
        first_tokens: [R] the first token of its context that a window holds.
        num_held: [R] tokens of its context that a window holds.
        context_starts: [R] where they begin in the row.
    """

    contexts: list[str]
    offsets: list[NDArray[np.int32]]
    owners: Indices
    first_tokens: Indices
    num_held: Indices
    context_starts: Indices


def lay_out_windows(
    tokenizer: Any,
    questions: Sequence[str],
    contexts: Sequence[str],
    *,
    max_length: int,
    stride_ratio: float,
    vocab_size: int,
    device: str,
) -> tuple[Windows, int]:
    """Return the windows, and how many questions have none because they leave no room for one.

    Args:
        tokenizer: a fast one.
        questions: N, never cut.
        contexts: N.
        max_length: tokens of a window.
        stride_ratio: tokens from a window to the next, of the context's tokens in a window.
        vocab_size: of the encoder.
        device: of the ids.

    Raises:
        DataError: no question leaves room, or the tokenizer knows tokens that the encoder does not.
        SpecError: the tokenizer gives no offsets.
    """
    before, between, after = _specials(tokenizer)
    questions_read = _pieces(tokenizer, questions)
    contexts_read = _pieces(tokenizer, contexts)
    num_special = len(before) + len(between) + len(after)
    rows, spans = [], []
    num_too_long = 0
    for owner, ((question, _), (context, _)) in enumerate(
        zip(questions_read, contexts_read, strict=True)
    ):
        room = max_length - num_special - len(question)
        if room < MIN_CONTEXT:
            num_too_long += 1
            continue
        for first in _firsts(len(context), room, max(1, round(stride_ratio * room))):
            part = context[first : first + room]
            rows.append(np.concatenate([before, question, between, part, after]))
            start = len(before) + len(question) + len(between)
            spans.append((owner, first, len(part), start))
    if not rows:
        raise DataError(
            f"none of {len(questions)} questions leaves {MIN_CONTEXT} tokens for its context in a "
            f"window of {max_length}; raise max_length of the protocol"
        )
    owners, firsts, held, starts = np.array(spans, dtype=np.int64).T
    windows = Windows.of(
        rows,
        pad_id=pad_id(tokenizer, vocab_size),
        vocab_size=vocab_size,
        device=device,
        contexts=list(contexts),
        offsets=[offsets for _, offsets in contexts_read],
        owners=owners,
        first_tokens=firsts,
        num_held=held,
        context_starts=starts,
    )
    return windows, num_too_long


def characters_of(windows: Windows) -> torch.Tensor:
    """Return [R, L, 2] int32 on the device: each token's characters in its context, else 0."""
    table = np.zeros((*windows.ids.shape, 2), dtype=np.int32)
    for row, owner in enumerate(windows.owners):
        first, count, start = (
            int(part[row])
            for part in (windows.first_tokens, windows.num_held, windows.context_starts)
        )
        table[row, start : start + count] = windows.offsets[owner][first : first + count]
    return torch.from_numpy(table).to(windows.ids.device)


def _firsts(count: int, room: int, stride: int) -> Iterable[int]:
    """Return the first token of each window; the last window ends with the context."""
    return range(0, count - room + stride, stride) if count > room else (0,)


def _specials(tokenizer: Any) -> tuple[NDArray[np.int32], ...]:
    """Return the special tokens before, between and after the two texts of a pair."""
    if not getattr(tokenizer, "is_fast", False):
        raise SpecError(
            f"the tokenizer {type(tokenizer).__name__} does not tell which characters its tokens "
            "stand for, so no answer can be cut from a text; give the encoder a fast tokenizer "
            "(tokenizer.json)"
        )
    return tuple(np.array(part, dtype=np.int32) for part in special_tokens(tokenizer, 2))


_held: LRUCache[object, tuple[Pieces, int]] = LRUCache(MAX_BYTES, getsizeof=lambda held: held[1])


def _pieces(tokenizer: Any, texts: Sequence[str]) -> list[Pieces]:
    """Return the tokens of each text without special ones; a text is tokenised once."""
    number = number_of(tokenizer)
    known = {text: _held.get((number, text)) for text in texts}
    fresh: dict[str, Pieces] = {}
    if new := [text for text, held in known.items() if held is None]:
        encoded = tokenizer(
            new,
            add_special_tokens=False,
            padding=False,
            # else a text that says "[SEP]" would end its part there
            split_special_tokens=True,
            return_offsets_mapping=True,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        for text, ids, offsets in zip(
            new, encoded["input_ids"], encoded["offset_mapping"], strict=True
        ):
            pieces = (
                np.array(ids, dtype=np.int32),
                np.array(offsets, dtype=np.int32).reshape(-1, 2),
            )
            fresh[text] = pieces
            size = 3 * pieces[0].nbytes + len(text) + _OVERHEAD
            if size <= MAX_BYTES:
                _held[number, text] = (pieces, size)
    return [fresh[text] if (held := known[text]) is None else held[0] for text in texts]
