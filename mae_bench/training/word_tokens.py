"""Texts of words as token ids, with the place of each word's first token.

Each word is tokenised alone, so that no token belongs to two words and every tokenizer does the
same, whatever it calls a word itself. Legend: N texts, W words of a text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any

import numpy as np

from mae_bench.data.scripts import is_unspaced
from mae_bench.errors import DataError
from mae_bench.training.batching import Indices, TokenSet
from mae_bench.training.token_cache import token_ids
from mae_bench.training.token_roles import pad_id, special_tokens

UNREAD = -1


@dataclass(frozen=True)
class WordTokens(TokenSet):
    """Tokenised texts of words.

    Attributes:
        first_tokens: for each text [W] the column of each word's first token; `UNREAD` where the
            word was cut off, or the tokenizer makes nothing of it.
    """

    first_tokens: list[Indices]


def tokenize_words(
    tokenizer: Any,
    texts: Sequence[Sequence[str]],
    *,
    max_length: int,
    vocab_size: int,
    device: str,
) -> WordTokens:
    """Return the token ids of texts between the tokenizer's special tokens, cut at the end.

    A word is read with a blank before it, as inside a sentence; the first without, and none
    between two characters of a script that has no blanks. What a word says is text, also "[SEP]".

    Args:
        tokenizer: beside the checkpoint.
        texts: N lists of words.
        max_length: tokens of a text, special ones included, at most.
        vocab_size: of the encoder.
        device: of the ids.

    Raises:
        DataError: there is no text, or the tokenizer knows tokens that the encoder does not.
    """
    if not texts:
        raise DataError("no texts to read: the split is empty; use a larger task or train size")

    def encode(columns: list[list[str]]) -> list[list[int]]:
        rows: list[list[int]] = tokenizer(
            columns[0],
            add_special_tokens=False,
            split_special_tokens=True,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )["input_ids"]
        return rows

    pieces = [_pieces(words) for words in texts]
    distinct = list(dict.fromkeys(chain(*pieces)))
    # 0: never cut, and in memory apart from texts with special tokens
    encoded = token_ids(tokenizer, (distinct,), 0, encode)
    ids = {piece: part.tolist() for piece, part in zip(distinct, encoded, strict=True)}
    before, after = special_tokens(tokenizer, 1)
    end = max(max_length - len(after), len(before))
    rows, first_tokens = [], []
    for row in pieces:
        tokens, starts = list(before), []
        for piece in row:
            is_read = ids[piece] and len(tokens) < end
            starts.append(len(tokens) if is_read else UNREAD)
            tokens += ids[piece]
        rows.append([*tokens[:end], *after])
        first_tokens.append(np.array(starts, dtype=np.int64))
    return WordTokens.of(
        rows,
        pad_id=pad_id(tokenizer, vocab_size),
        vocab_size=vocab_size,
        device=device,
        first_tokens=first_tokens,
    )


def _pieces(words: Sequence[str]) -> list[str]:
    """Return the words with the blanks that a sentence of them has."""
    has_no_blanks = is_unspaced()
    pieces = list(words[:1])
    for before, word in pairwise(words):
        is_joined = (
            before and word and has_no_blanks[ord(before[-1])] and has_no_blanks[ord(word[0])]
        )
        pieces.append(word if is_joined else f" {word}")
    return pieces
