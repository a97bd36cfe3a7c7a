"""Ranking metrics against rules written out plainly, and nDCG against scikit-learn."""

import math

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from mae_bench.tasks.kinds import objects
from mae_bench.tasks.metrics import METRICS
from mae_bench.tasks.rankings import MAX_RANKED, rankings

NAMES = ("mrr_at_10", "recall_at_1", "recall_at_5", "recall_at_10", "ndcg_at_10")


def metric(name, labels, predictions):
    return METRICS.get(name)(objects(labels), objects(predictions), 1)


def worst_order(relevant, ranking):
    """One list of candidates, those that are relevant last in their group."""
    return [
        name
        for group in ranking
        for name in sorted(group, key=lambda candidate: candidate in relevant)
    ]


def plain(name, relevant, order):
    """One query's score, counted by hand."""
    if name == "mrr_at_10":
        for rank, candidate in enumerate(order[:10], 1):
            if candidate in relevant:
                return 1 / rank
        return 0.0
    if name == "ndcg_at_10":
        gain = 0.0
        for rank, candidate in enumerate(order[:10], 1):
            gain += (candidate in relevant) / math.log2(rank + 1)
        return gain / sum(1 / math.log2(rank + 1) for rank in range(1, min(10, len(relevant)) + 1))
    most = int(name.removeprefix("recall_at_"))
    return len(set(order[:most]) & set(relevant)) / len(relevant)


def random_case(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 40))
    names = [f"c{i}" for i in range(count)]
    scores = rng.integers(0, int(rng.integers(1, 30)), (6, count)).astype(float)
    relevant = [
        rng.choice(names, int(rng.integers(1, count + 1)), replace=False).tolist() for _ in scores
    ]
    return [{"relevant": each} for each in relevant], rankings(scores, names), scores, names


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(8))
def test_it_equals_the_plain_rule(name, seed):
    labels, predictions, _, _ = random_case(seed)
    expected = [
        plain(name, label["relevant"], worst_order(label["relevant"], ranking))
        for label, ranking in zip(labels, predictions, strict=True)
    ]
    assert metric(name, labels, predictions) == pytest.approx(np.mean(expected))


@pytest.mark.parametrize("seed", range(8))
def test_ndcg_without_ties_is_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    labels, _, scores, names = random_case(seed)
    scores = np.stack([rng.permutation(scores.shape[1]) for _ in scores]).astype(float)
    is_relevant = np.array([[name in label["relevant"] for name in names] for label in labels])
    expected = ndcg_score(is_relevant.astype(int), scores, k=10)
    assert metric("ndcg_at_10", labels, rankings(scores, names)) == pytest.approx(expected)


@pytest.mark.parametrize("name", NAMES)
def test_a_scorer_that_says_nothing_is_worth_nothing(name):
    names = [f"c{i}" for i in range(200)]
    ranking = rankings(np.zeros((200, 200)), names)
    assert sum(map(len, ranking[0])) == MAX_RANKED
    labels = [{"relevant": [each]} for each in names]
    assert metric(name, labels, ranking) == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_the_best_and_the_unranked(name):
    labels = [{"relevant": ["a"]}, {"relevant": ["b"]}]
    assert metric(name, labels, [[["a"], ["b"]], [["b"], ["a"]]]) == 1.0
    assert metric(name, labels, [[["b"]], []]) == 0.0


def test_scores_that_differ_by_rounding_are_tied():
    (ranking,) = rankings(np.array([[0.5, 0.5 + 1e-9, 0.4]]), ["a", "b", "c"])
    assert ranking == [["a", "b"], ["c"]]
