"""Spans that are dropped from a row, one mark instead of each: T5's span corruption.

Legend: B rows, L positions, T maskable tokens of a row, M of them dropped in K spans.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from mae_bench.draws import Block, Draws
from mae_bench.masking.hidden import MASK_ID, PAD_ID, SEP_ID, num_hidden


@dataclass(frozen=True)
class SpanRows:
    """Rows without their spans, and the spans.

    Attributes:
        shown: [B, L - M + K] the row with one [MASK] instead of each span.
        is_pad: [B, L - M + K], or None where no row is padded.
        decoder_input: [B, M + K] each span after a [MASK], in order.
        answers: [B, M + K] what follows each entry of ``decoder_input``; [SEP] after the last.
        is_answer: [B, M + K], False at filling, which comes last; None where there is none.
    """

    shown: Tensor
    is_pad: Tensor | None
    decoder_input: Tensor
    answers: Tensor
    is_answer: Tensor | None


def num_spans(row_length: int, ratio: float, mean_length: float) -> tuple[int, int]:
    """Return M and K of a full row; K is at most one more than the kept tokens that part spans.

    Raises:
        SpecError: nothing or everything would be dropped.
    """
    dropped = num_hidden(row_length, ratio)
    kept = row_length - 2 - dropped
    return dropped, min(max(1, int(dropped / mean_length + 0.5)), kept + 1)


def drop_spans(block: Block, draws: Draws, ratio: float, mean_length: float) -> SpanRows:
    """Drop round(ratio * T) tokens of each row in round(M / mean_length) spans, at least one.

    A kept token stands between two spans, so there are at most T - M + 1. Where that is fewer,
    above a ratio of about mean_length / (mean_length + 1), spans are longer than mean_length.
    As in Raffel et al. 2020, arXiv:1910.10683, all ways to cut M tokens into K spans are equally
    likely, and so are all positions of the spans with a kept token between two. Differs: a row may
    end, and start, with a kept token or with a span; T5's start with one and end with the other.

    Args:
        block: rows of [CLS], text, [SEP] and padding.
        draws: of the step.
        ratio: share of the maskable tokens.
        mean_length: of a span, in tokens, where the kept tokens allow it.
    """
    length = block.ids.shape[1]
    dropped, spans = num_spans(length, ratio, mean_length)
    is_real = (
        torch.ones_like(block.ids, dtype=torch.bool) if block.is_pad is None else ~block.is_pad
    )
    is_dropped, is_start = _spans(is_real, draws, ratio, mean_length, (dropped, spans))
    mask = torch.full_like(block.ids, MASK_ID)

    is_shown = is_real & (~is_dropped | is_start)
    marked = torch.where(is_start, mask, block.ids)
    shown, is_kept = _first(marked, is_shown, length - dropped + spans)

    # a mark before each span's first token, and one [SEP] after all
    end = torch.full_like(block.ids[:, :1], SEP_ID)
    pairs = torch.stack([mask, block.ids], dim=2).flatten(1)
    is_pair = torch.stack([is_start, is_dropped], dim=2).flatten(1)
    texts, is_text = _first(
        torch.cat([pairs, end], dim=1),
        torch.cat([is_pair, torch.ones_like(end, dtype=torch.bool)], dim=1),
        dropped + spans + 1,
    )
    return SpanRows(
        shown=shown,
        is_pad=None if block.is_pad is None else ~is_kept,
        decoder_input=texts[:, :-1],
        answers=texts[:, 1:],
        is_answer=None if block.is_pad is None else is_text[:, 1:],
    )


def _spans(
    is_real: Tensor, draws: Draws, ratio: float, mean_length: float, most: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Return [B, L] whether a token is dropped, and whether it is the first of its span."""
    length = is_real.shape[1]
    dropped, spans = most
    maskable = is_real.sum(1, keepdim=True) - 2
    num_dropped = torch.floor(maskable.double() * ratio + 0.5).long()
    wanted = torch.floor(num_dropped.double() / mean_length + 0.5).long().clamp(min=1)
    wanted = torch.minimum(torch.minimum(wanted, num_dropped), maskable - num_dropped + 1)

    # the dropped tokens, in order: which of them begin a span
    token = torch.arange(dropped, device=is_real.device)[None]
    can_start = (token > 0) & (token < num_dropped)
    score = draws.uniform("span_starts", dropped).masked_fill(~can_start, 2.0)
    starts = (_rank(score) < wanted - 1) & can_start | (token == 0) & (num_dropped > 0)

    # the gaps where spans stand: gap i is before kept token i, or after the last; no two in one
    num_kept = maskable - num_dropped
    gap = torch.arange(length - 1 - dropped, device=is_real.device)[None]
    score = draws.uniform("span_gaps", gap.shape[1]).masked_fill(gap > num_kept, 2.0)
    span_gaps = torch.argsort(score, dim=1, stable=True)[:, :spans]
    is_used = torch.arange(spans, device=is_real.device)[None] < wanted
    span_gaps = torch.where(is_used, span_gaps, length).sort(1).values

    span = starts.long().cumsum(1).sub(1).clamp(min=0)
    position = 1 + span_gaps.gather(1, span) + token  # [CLS] stands before the text
    is_there = token < num_dropped
    position = torch.where(is_there, position, 0)
    nowhere = torch.zeros_like(is_real)
    return (
        nowhere.scatter(1, position, is_there),
        nowhere.scatter(1, position, is_there & starts),
    )


def _first(ids: Tensor, is_chosen: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the chosen ids of each row, in order and filled up with [PAD] to ``count``."""
    order = torch.argsort((~is_chosen).to(torch.int8), dim=1, stable=True)[:, :count]
    is_there = is_chosen.gather(1, order)
    return ids.gather(1, order).masked_fill(~is_there, PAD_ID), is_there


def _rank(score: Tensor) -> Tensor:
    """Return the rank of each entry in the ascending order of its row."""
    return torch.argsort(torch.argsort(score, dim=1, stable=True), dim=1, stable=True)
