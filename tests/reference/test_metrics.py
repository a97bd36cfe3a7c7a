"""Metrics against slow plain Python."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mae_bench.tasks.metrics import METRICS, accuracy, f1, matthews, pearson, spearman


def plain_f1(labels, predictions, positive):
    hits = sum(a == b == positive for a, b in zip(labels, predictions, strict=True))
    total = labels.count(positive) + predictions.count(positive)
    return 2 * hits / total if total else 0.0


def plain_pearson(x, y):
    mean_x, mean_y = math.fsum(x) / len(x), math.fsum(y) / len(y)
    top = math.fsum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    below = math.fsum((a - mean_x) ** 2 for a in x) * math.fsum((b - mean_y) ** 2 for b in y)
    return top / math.sqrt(below) if below > 0 else 0.0


def plain_ranks(values):
    return [
        sum(other < value for other in values) + (values.count(value) + 1) / 2 for value in values
    ]


def plain_matthews(labels, predictions):
    """Gorodkin's many-class form: the correlation of the two indicator matrices."""
    classes = sorted(set(labels) | set(predictions))

    def covariance(a, b):
        return sum(
            sum((x == c) * (y == c) for x, y in zip(a, b, strict=True)) / len(a)
            - a.count(c) * b.count(c) / len(a) ** 2
            for c in classes
        )

    below = covariance(labels, labels) * covariance(predictions, predictions)
    return covariance(labels, predictions) / math.sqrt(below) if below > 0 else 0.0


def paired(values):
    return st.lists(st.tuples(values, values), min_size=2, max_size=40).map(
        lambda rows: tuple(list(side) for side in zip(*rows, strict=True))
    )


@settings(deadline=None)
@given(paired(st.integers(0, 3)))
def test_class_metrics_agree_with_plain_python(sides):
    labels, predictions = sides
    arrays = np.array(labels), np.array(predictions)
    same = sum(a == b for a, b in zip(labels, predictions, strict=True))
    assert accuracy(*arrays) == pytest.approx(same / len(labels))
    occurring = sorted(set(labels) | set(predictions))
    if set(occurring) <= {0, 1}:
        expected = plain_f1(labels, predictions, 1)
    else:
        expected = sum(plain_f1(labels, predictions, c) for c in occurring) / len(occurring)
    assert f1(*arrays) == pytest.approx(expected)
    assert matthews(*arrays) == pytest.approx(plain_matthews(labels, predictions), abs=1e-9)


@settings(deadline=None)
@given(paired(st.integers(0, 1)))
def test_binary_f1_is_that_of_class_one(sides):
    labels, predictions = sides
    assert f1(np.array(labels), np.array(predictions)) == pytest.approx(
        plain_f1(labels, predictions, 1)
    )


@settings(deadline=None)
@given(paired(st.integers(-50, 50)))
def test_correlations_agree_with_plain_python(sides):
    x, y = sides
    arrays = np.array(x, dtype=np.float32), np.array(y, dtype=np.float64)
    assert pearson(*arrays) == pytest.approx(plain_pearson(x, y), abs=1e-6)
    assert spearman(*arrays) == pytest.approx(
        plain_pearson(plain_ranks(x), plain_ranks(y)), abs=1e-9
    )


@pytest.mark.parametrize("name", sorted(METRICS))
def test_perfect_predictions_score_one(name):
    labels = np.array([0, 1, 1, 0, 2, 2])
    assert METRICS[name](labels, labels.copy()) == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["matthews", "pearson", "spearman"])
def test_a_constant_side_scores_zero(name, recwarn):
    labels = np.array([0, 1, 1, 0])
    assert METRICS[name](labels, np.ones(4)) == 0.0
    assert METRICS[name](np.ones(4), labels) == 0.0
    assert not recwarn.list


def test_a_class_never_predicted_scores_zero_without_a_warning(recwarn):
    assert f1(np.array([0, 1, 2, 2]), np.array([0, 0, 0, 0])) == pytest.approx(0.4 / 3)
    assert f1(np.array([1, 1]), np.array([0, 0])) == 0.0
    assert not recwarn.list


def test_pearson_of_predictions_that_differ_in_the_last_digits_only(recwarn):
    base = np.float32(1e4)
    predictions = np.array([base, base, np.nextafter(base, np.float32(2e4))])
    assert pearson(np.array([0.0, 0.0, 1.0]), predictions) == pytest.approx(1.0)
    assert not recwarn.list
