"""Queries and candidates as one encoder reads them, each text alone.

Legend: N queries, C candidates, R pairs of a query and one of its relevant candidates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mae_bench.training.batching import Indices, TokenSet, tokenize
from mae_bench.training.options import Options, group
from mae_bench.training.token_roles import pad_id


@dataclass(frozen=True)
class Pairs(Options):
    """Queries with a relevant candidate each; a row is a pair.

    Attributes:
        names: of the candidates, by number.
    """

    names: list[str]


@dataclass(frozen=True)
class Ranked(TokenSet):
    """N queries, and after them C candidates; a row is a text.

    Attributes:
        names: of the candidates, by number.
        owners: [R] the query of each pair.
    """

    names: list[str]
    owners: Indices

    @property
    def num_queries(self) -> int:
        """How many rows are queries."""
        return len(self) - len(self.names)


def lay_out_pairs(
    tokenizer: Any,
    queries: Sequence[str],
    relevant: Sequence[Sequence[str]],
    candidates: dict[str, str],
    *,
    max_length: int,
    vocab_size: int,
    device: str,
) -> Pairs:
    """Return each query once with each of its relevant candidates.

    Args:
        tokenizer: beside the checkpoint.
        queries: N texts.
        relevant: N lists of names of candidates.
        candidates: name -> text.
        max_length: tokens of a text, at most.
        vocab_size: of the encoder.
        device: of the ids.
    """
    rows = zip(queries, relevant, strict=True)
    texts = [text for query, names in rows for name in names for text in (query, candidates[name])]
    tokens = tokenize(
        tokenizer, (texts,), max_length=max_length, vocab_size=vocab_size, device=device
    )
    pairs = group(tokens, [2] * (len(texts) // 2), pad_id(tokenizer, vocab_size))
    return Pairs(**vars(pairs), names=list(candidates))


def lay_out_ranked(
    tokenizer: Any,
    queries: Sequence[str],
    relevant: Sequence[Sequence[str]],
    candidates: dict[str, str],
    *,
    max_length: int,
    vocab_size: int,
    device: str,
) -> Ranked:
    """Return the queries and every candidate once; arguments as of `lay_out_pairs`."""
    texts = [*queries, *candidates.values()]
    tokens = tokenize(
        tokenizer, (texts,), max_length=max_length, vocab_size=vocab_size, device=device
    )
    owners = np.repeat(np.arange(len(queries)), [len(names) for names in relevant])
    return Ranked(**vars(tokens), names=list(candidates), owners=owners)
