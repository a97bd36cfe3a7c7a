"""A language model of token n-grams: interpolated Kneser-Ney, counted in rows of a corpus.

Kneser & Ney 1995 (ICASSP), with one discount an order, n1 / (n1 + 2 n2) of the n-grams that were
seen once and twice (Ney et al. 1994), interpolated as by Chen & Goodman (1998, TR-10-98). Orders
below the highest count in how many contexts a token stands, not how often. Written here, since
what is kept up either needs a C++ toolchain and is LGPL (kenlm) or counts in Python objects, far
too slow for millions of tokens (nltk.lm).

Legend: N rows, L positions, T tokens, G n-grams, H contexts, V ids.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mae_bench.data.tokenizer import CLS, PAD, SEP, SPECIAL

Ids = NDArray[np.int64]
Shares = NDArray[np.float64]
UNSEEN_DISCOUNT = 0.5  # where no n-gram was seen once, so that there is nothing to tell it by


@dataclass(frozen=True)
class Order:
    """What is known of the n-grams of one length.

    An n-gram is a number in base V, its last token the last digit; its context is all but that.

    Attributes:
        codes: [G] ascending.
        counts: [G] of each, discounted; at least 0.
        contexts: [H] ascending.
        totals: [H] counts of the n-grams of each context, before the discount.
        left: [H] what the discount took from them.
    """

    codes: Ids
    counts: Shares
    contexts: Ids
    totals: Shares
    left: Shares

    def interpolate(self, codes: Ids, lower: Shares, vocab_size: int) -> Shares:
        """Return [T] probabilities of n-grams; ``lower`` are those of the next shorter ones."""
        at, is_seen = _find(self.codes, codes)
        counts = np.where(is_seen, self.counts[at], 0.0)
        at, is_known = _find(self.contexts, codes // vocab_size)
        share = (counts + self.left[at] * lower) / self.totals[at]
        interpolated: Shares = np.where(is_known, share, lower)
        return interpolated


class NgramModel:
    """How likely a token is after those before it, whatever else a text says.

    Attributes:
        order: tokens of the longest n-gram.
        commonest: the id of the token that is seen most.
    """

    def __init__(self, rows: NDArray[np.integer], order: int, vocab_size: int) -> None:
        """Count the n-grams of rows [N, L]: [CLS] tokens [SEP], then [PAD].

        Before the first token of a row stand as many [CLS] as its context is long.
        """
        self.order, self._vocab_size = order, vocab_size
        padded = np.full((len(rows), rows.shape[1] + order - 1), CLS, dtype=np.int64)
        padded[:, order - 1 :] = rows
        codes = _codes(padded.T, order, vocab_size).T.ravel()  # [N, L], of each position
        tokens = codes % vocab_size
        codes = codes[(tokens != CLS) & (tokens != SEP) & (tokens != PAD)]
        seen = np.bincount(codes % vocab_size)
        self.commonest = int(seen.argmax())
        self._orders: list[Order] = []
        values, counts = np.unique(codes, return_counts=True)
        for length in range(order, 0, -1):
            self._orders.insert(0, _order(values, counts, vocab_size))
            # of a shorter n-gram: the number of tokens that stand before it
            values, counts = np.unique(values % vocab_size ** (length - 1), return_counts=True)

    def log_probabilities(self, tokens: Ids) -> Shares:
        """Return [T] nats of each token of one text."""
        padded = np.concatenate([np.full(self.order - 1, CLS, dtype=np.int64), tokens])
        shares = np.full(len(tokens), 1.0 / (self._vocab_size - len(SPECIAL) + 1))  # [UNK] is one
        codes = _codes(padded, self.order, self._vocab_size)
        for length, order in enumerate(self._orders, start=1):
            shares = order.interpolate(codes % self._vocab_size**length, shares, self._vocab_size)
        nats: Shares = np.log(shares)
        return nats


def _codes(tokens: Ids, order: int, vocab_size: int) -> Ids:
    """Return the n-gram that ends at each position, along the first axis; the first lack one."""
    count = len(tokens) - order + 1
    codes = np.zeros((count, *tokens.shape[1:]), dtype=np.int64)
    for offset in range(order):
        codes = codes * vocab_size + tokens[offset : offset + count]
    return codes


def _order(codes: Ids, counts: Ids, vocab_size: int) -> Order:
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    discount = once / (once + 2 * twice) if once else UNSEEN_DISCOUNT
    contexts, starts = np.unique(codes // vocab_size, return_index=True)
    return Order(
        codes,
        counts.astype(np.float64) - discount,
        contexts,
        np.add.reduceat(counts, starts).astype(np.float64),
        discount * np.diff([*starts, len(codes)]),
    )


def _find(values: Ids, wanted: Ids) -> tuple[Ids, NDArray[np.bool_]]:
    """Return where each stands among ascending values, and whether it does."""
    at = np.minimum(np.searchsorted(values, wanted), len(values) - 1)
    return at, values[at] == wanted
