"""Scores of rankings: where among the candidates the relevant ones stand.

A label is ``{"relevant": [...]}``, names of candidates; a prediction is a list of groups of
candidates, best first, those of one group being tied. Ties are broken against the right answer: in
its group a relevant candidate stands after all others, so that a scorer that gives every candidate
the same is worth nothing. A candidate that was not ranked stands last of all.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mae_bench.tasks.metrics.base import Values, of_any_classes


def relevant_ranks(relevant: Sequence[str], ranking: Sequence[Sequence[str]]) -> list[int]:
    """Return the ranks of the relevant candidates that were ranked, ascending, from 1."""
    wanted = set(relevant)
    ranks: list[int] = []
    before = 0
    for group in ranking:
        hits = sum(name in wanted for name in group)
        wrong = len(group) - hits
        ranks += [before + wrong + place for place in range(1, hits + 1)]
        before += len(group)
    return ranks


@of_any_classes("mrr_at_10")
def mrr_at_10(labels: Values, predictions: Values) -> float:
    """Return the mean of 1 / rank of the first relevant candidate; 0 below rank 10."""
    return _mean(labels, predictions, lambda _, ranks: 1 / ranks[0] if _within(ranks, 10) else 0.0)


@of_any_classes("recall_at_1")
def recall_at_1(labels: Values, predictions: Values) -> float:
    """Return the mean share of the relevant candidates that rank first."""
    return _recall(labels, predictions, 1)


@of_any_classes("recall_at_5")
def recall_at_5(labels: Values, predictions: Values) -> float:
    """Return the mean share of the relevant candidates among the first 5."""
    return _recall(labels, predictions, 5)


@of_any_classes("recall_at_10")
def recall_at_10(labels: Values, predictions: Values) -> float:
    """Return the mean share of the relevant candidates among the first 10."""
    return _recall(labels, predictions, 10)


@of_any_classes("ndcg_at_10")
def ndcg_at_10(labels: Values, predictions: Values) -> float:
    """Return the mean nDCG of the first 10: gain 1, discount log2(rank + 1)."""

    def ndcg(count: int, ranks: list[int]) -> float:
        best = sum(1 / math.log2(rank + 1) for rank in range(1, min(count, 10) + 1))
        return sum(1 / math.log2(rank + 1) for rank in ranks if rank <= 10) / best

    return _mean(labels, predictions, ndcg)


def _recall(labels: Values, predictions: Values, most: int) -> float:
    return _mean(labels, predictions, lambda count, ranks: _within(ranks, most) / count)


def _within(ranks: list[int], most: int) -> int:
    return sum(rank <= most for rank in ranks)


def _mean(
    labels: Sequence[Mapping[str, Sequence[str]]] | Values,
    predictions: Sequence[Sequence[Sequence[str]]] | Values,
    score: Callable[[int, list[int]], float],
) -> float:
    scores = []
    for label, ranking in zip(labels, predictions, strict=True):
        relevant = list(label["relevant"])
        scores.append(score(len(relevant), relevant_ranks(relevant, ranking)))
    return float(np.mean(scores))
