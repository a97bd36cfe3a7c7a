"""Scores of detection against scikit-learn and plain Python, on ties and few examples, too."""

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from mae_bench.tasks.metrics import METRICS


def by_counting(labels, scores):
    """Return how often a 1 is above a 0, over all pairs."""
    ones = [score for label, score in zip(labels, scores, strict=True) if label]
    zeros = [score for label, score in zip(labels, scores, strict=True) if not label]
    wins = sum((one > zero) + 0.5 * (one == zero) for one in ones for zero in zeros)
    return wins / (len(ones) * len(zeros))


def by_curve(labels, scores):
    """Return 1 - FPR95, what is in scope as the positive class (ODIN)."""
    fpr, tpr, _ = roc_curve(1 - labels, -scores, drop_intermediate=False)
    return 1 - fpr[np.argmax(tpr >= 0.95 - 1e-12)]


def by_trying(labels, scores):
    """Return the recall at the lowest threshold that keeps 95 of 100 in scope, by trying all."""
    zeros = [score for label, score in zip(labels, scores, strict=True) if not label]
    ones = [score for label, score in zip(labels, scores, strict=True) if label]
    fine = [at for at in zeros if 20 * sum(zero <= at for zero in zeros) >= 19 * len(zeros)]
    return sum(one > min(fine) for one in ones) / len(ones)


@pytest.mark.parametrize("levels", [2, 5, 1000])
@pytest.mark.parametrize("count", [3, 20, 21, 200])
def test_equal_to_the_references(count, levels):
    rng = np.random.default_rng(count * levels)
    for _ in range(10):
        labels = rng.integers(0, 2, count)
        labels[:2] = [0, 1]
        scores = rng.integers(0, levels, count) + labels * rng.integers(0, levels, count)
        got = [METRICS.get(name)(labels, scores, 2) for name in ("auroc", "recall_at_95")]
        assert got[0] == pytest.approx(by_counting(labels, scores))
        assert got[1] == pytest.approx(by_curve(labels, scores))
        assert got[1] == pytest.approx(by_trying(labels, scores))


def test_what_is_tied_is_no_detection():
    labels = np.array([0] * 20 + [1] * 4)
    constant = np.zeros(24)
    assert METRICS.get("auroc")(labels, constant, 2) == 0.5
    assert METRICS.get("recall_at_95")(labels, constant, 2) == 0.0
    one_in_twenty = np.array([0] * 19 + [9] + [1, 1, 0, 9])
    assert METRICS.get("recall_at_95")(labels, one_in_twenty, 2) == 0.75


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_alone_has_the_value_of_its_convention(label):
    labels, scores = np.full(5, label), np.arange(5)
    assert METRICS.get("auroc")(labels, scores, 2) == 0.5
    assert METRICS.get("recall_at_95")(labels, scores, 2) == 0.0
