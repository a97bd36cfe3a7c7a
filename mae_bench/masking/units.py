"""Schemes that hide neighbouring tokens together: spans, words, collocations.

All tokens of a unit share the draw of its first one, so units are drawn alike, whatever their
length, until the count is reached; of the last unit only as many tokens are hidden, from its
start, as the count leaves. A word or collocation of more than M tokens is as many units as it
needs, each but the last of M tokens: none of its tokens is out of reach.
Legend: B rows, L positions, T maskable tokens of a row, M of them hidden.
"""

import torch
from torch import Tensor

from mae_bench.masking.ngrams import LONGEST, SHORTEST, hash_windows
from mae_bench.masking.schemes import Context, scheme

TINY = 2.0**-40  # orders the tokens of a span below the grid of the draws, for rows below 2**16


@scheme(
    "span",
    "contiguous spans of geometric length",
    "Joshi et al. 2020, arXiv:1907.10529; Raffel et al. 2020, arXiv:1910.10683",
    parameters=("mean_length",),
)
def span(context: Context) -> Tensor:
    """Cut the row into spans of geometric length and hide whole spans, drawn alike.

    Marginals: each token with the mask ratio exactly, for the cuts go round the row's end, as by
    T5's ``random_roll``; a span that goes round hides tokens at both ends of the row. Spans may
    touch, so the mean run of hidden tokens is longer than ``mean_length``, by 1 / (1 - ratio)
    where the row is long. Differs from SpanBERT: lengths are not clipped at 10, and are counted
    in tokens instead of words. Differs from T5: a span's length is random, not the spans' number.
    """
    length = context.ids.shape[1]
    rank = context.is_maskable.long().cumsum(1) - 1
    total = context.is_maskable.sum(1, keepdim=True)
    turn = (context.draws.uniform("turn", 1).double() * total).long()
    is_cut = context.draws.uniform("cut", length) < 1 / context.masking.mean_length
    is_first = context.is_maskable & (is_cut | (rank == turn))
    # At least one cut, at a uniform position, so that also a row of one span begins anywhere.
    first = _last_marked(is_first)
    first = torch.where(first < 0, first.amax(1, keepdim=True), first).clamp(min=0)
    inside = (rank - rank.gather(1, first)) % total.clamp(min=1)
    return context.draws.uniform("which", length).double().gather(1, first) + inside * TINY


@scheme(
    "whole_word",
    "all tokens of a word together",
    "Devlin et al. 2019, arXiv:1810.04805 (its models of May 2019); Cui et al. 2021, "
    "arXiv:1906.08101",
    needs_lexicon=True,
)
def whole_word(context: Context) -> Tensor:
    """Hide whole words, drawn alike; the last one may be cut, so that the count is exact.

    Marginals: n words come in a uniform random order, and the j-th token of one, from 0, is hidden
    where the words before it hold S tokens and S + j < M. The words before it are any k < n of the
    others alike, so P(hidden) = sum over k = 0..n-1 of share(k, M - j) / n, where share(k, m) is
    the share of the k-subsets of the other n - 1 words that hold fewer than m tokens. Their mean
    over a text is M / T exactly; a word's later tokens are hidden less often than its first.
    A word starts after white space of any kind, which is a unit of its own where the vocabulary
    does not write it into the word; in scripts without blanks (Chinese, Japanese, Thai, ...) each
    character with its marks is a word. A text's first token starts one, whatever it is.
    """
    assert context.lexicon is not None
    return _shared(context, context.lexicon.word_starts(context.ids))


@scheme(
    "pmi",
    "collocations of the corpus together, other tokens as words",
    "Levine et al. 2021, arXiv:2010.01825",
    needs_lexicon=True,
    needs_ngrams=True,
)
def pmi(context: Context) -> Tensor:
    """Hide n-grams of high pointwise mutual information as units, and words elsewhere.

    Marginals: those of ``whole_word``, where the units are these n-grams of up to five tokens and
    what they leave of words.
    Differs from the paper: n-grams are of tokens, not of words, and may end inside a word; of
    overlapping n-grams the one that starts first is the unit (there one at random), at one start
    the longest.
    """
    assert context.lexicon is not None
    longest = _longest_match(context.ids, context.lexicon.ngrams)
    is_start = _reached(longest.clamp(min=1))
    in_ngram = _covered(torch.where(is_start, longest, 0))
    begins = context.lexicon.word_starts(context.ids) | in_ngram | in_ngram.roll(1, dims=1)
    return _shared(context, is_start & begins)


def _shared(context: Context, is_first: Tensor) -> Tensor:
    """Return [B, L] scores: the draw of the latest unit's start, text by text."""
    starts_text = context.is_maskable & ~context.is_maskable.roll(1, dims=1)
    first = _last_marked(is_first | starts_text).clamp(min=0)
    positions = torch.arange(first.shape[1], device=first.device)
    first = positions - (positions - first) % context.wanted.long().clamp(min=1)
    return context.draws.uniform("which", context.ids.shape[1]).gather(1, first)


def _last_marked(is_marked: Tensor) -> Tensor:
    """Return [B, L] the latest marked position up to each one, -1 before the first."""
    positions = torch.arange(is_marked.shape[1], device=is_marked.device)
    return torch.where(is_marked, positions, -1).cummax(1).values


def _longest_match(ids: Tensor, ngrams: Tensor) -> Tensor:
    """Return [B, L] the length of the longest known n-gram from each position on, else 0."""
    longest = torch.zeros_like(ids)
    if not len(ngrams):
        return longest
    for size in range(SHORTEST, min(LONGEST, ids.shape[1]) + 1):
        hashes = hash_windows(ids, size)
        index = torch.searchsorted(ngrams, hashes).clamp(max=len(ngrams) - 1)
        width = hashes.shape[1]
        longest[:, :width] = torch.where(ngrams[index] == hashes, size, longest[:, :width])
    return longest


def _reached(steps: Tensor) -> Tensor:
    """Return [B, L] the positions met from 0 on by steps of these lengths, by doubling."""
    length = steps.shape[1]
    positions = torch.arange(length, device=steps.device)
    jump = (positions + steps).clamp(max=length)
    jump = torch.cat([jump, torch.full_like(jump[:, :1], length)], 1)  # the end leads to itself
    is_met = torch.zeros_like(jump, dtype=torch.bool)
    is_met[:, 0] = True
    # Each round doubles the steps taken: a loop over positions would be L kernels on a GPU.
    for _ in range(length.bit_length()):
        ahead = torch.where(is_met, jump, length)
        is_met = is_met | torch.zeros_like(is_met).scatter(1, ahead, True)
        jump = jump.gather(1, jump)
    return is_met[:, :length]


def _covered(lengths: Tensor) -> Tensor:
    """Return [B, L] whether a position lies in one of the units that start with these lengths."""
    positions = torch.arange(lengths.shape[1], device=lengths.device)
    return (positions + lengths).cummax(1).values > positions
