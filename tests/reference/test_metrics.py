"""Metrics against slow plain Python."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mae_bench.tasks.metrics import METRICS
from mae_bench.tasks.metrics.classes import accuracy, f1, matthews, weighted_f1
from mae_bench.tasks.metrics.numbers import pearson, spearman


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
    num_classes = 4
    same = sum(a == b for a, b in zip(labels, predictions, strict=True))
    assert accuracy(*arrays) == pytest.approx(same / len(labels))
    expected = sum(plain_f1(labels, predictions, c) for c in range(num_classes)) / num_classes
    expected = 1.0 if labels == predictions else expected
    assert f1(*arrays, num_classes) == pytest.approx(expected)
    assert matthews(*arrays) == pytest.approx(plain_matthews(labels, predictions), abs=1e-9)


@settings(deadline=None)
@given(paired(st.integers(0, 1)))
def test_binary_f1_is_that_of_class_one(sides):
    labels, predictions = sides
    expected = 1.0 if labels == predictions else plain_f1(labels, predictions, 1)
    assert f1(np.array(labels), np.array(predictions), 2) == pytest.approx(expected)


@settings(deadline=None)
@given(paired(st.integers(-50, 50)))
def test_correlations_agree_with_plain_python(sides):
    x, y = sides
    arrays = np.array(x, dtype=np.float32), np.array(y, dtype=np.float64)
    assert pearson(*arrays) == pytest.approx(plain_pearson(x, y), abs=1e-6)
    assert spearman(*arrays) == pytest.approx(
        plain_pearson(plain_ranks(x), plain_ranks(y)), abs=1e-9
    )


# those of tags, answers, rankings and the like have files of their own
OF_VALUES = [
    name
    for name, metric in METRICS
    if metric.__module__.rpartition(".")[2] in ("classes", "numbers")
]


@pytest.mark.parametrize("name", OF_VALUES)
def test_perfect_predictions_score_one(name):
    labels = np.array([0, 1, 1, 0, 2, 2])
    assert METRICS.get(name)(labels, labels.copy(), 3) == pytest.approx(1.0)


def mistaken():
    """Return labels of two of three classes, five mistakes, and the same with a text called 2."""
    labels = np.array([0, 1] * 25)
    without = np.where(np.arange(50) < 5, 1 - labels, labels)
    return labels, without, np.where(np.arange(50) == 5, 2, without)


def test_the_form_of_f1_follows_from_the_task_not_from_what_occurs():
    from sklearn.metrics import f1_score

    labels, without, with_third = mistaken()
    for predictions in (without, with_third):
        mean = f1_score(labels, predictions, labels=[0, 1, 2], average="macro", zero_division=0.0)
        assert f1(labels, predictions, 3) == pytest.approx(mean)
        one = f1_score(labels == 1, predictions == 1)
        assert f1(labels, predictions, 2) == f1(labels, predictions) == pytest.approx(one)
    assert f1(labels, without, 3) - f1(labels, with_third, 3) == pytest.approx(0.007, abs=0.001)


@pytest.mark.parametrize("num_classes", [2, 3, 6])
def test_a_perfect_prediction_of_a_constant_split_is_perfect(num_classes):
    labels = np.zeros(9, dtype=int)
    assert f1(labels, labels.copy(), num_classes) == 1.0
    assert f1(labels, np.ones(9, dtype=int), num_classes) == 0.0


@pytest.mark.parametrize("name", ["accuracy", "matthews"])
def test_classes_that_do_not_occur_change_nothing(name):
    labels, without, with_third = mistaken()
    for predictions in (without, with_third):
        values = [METRICS.get(name)(labels, predictions, count) for count in (2, 3, 9)]
        shifted = METRICS.get(name)(labels + 5, predictions + 5, 9)
        assert values == pytest.approx([shifted] * 3)


@pytest.mark.parametrize("name", ["matthews", "pearson", "spearman"])
def test_a_constant_side_scores_zero(name, recwarn):
    labels = np.array([0, 1, 1, 0])
    assert METRICS.get(name)(labels, np.ones(4), 2) == 0.0
    assert METRICS.get(name)(np.ones(4), labels, 2) == 0.0
    assert not recwarn.list


def test_a_class_never_predicted_scores_zero_without_a_warning(recwarn):
    assert f1(np.array([0, 1, 2, 2]), np.array([0, 0, 0, 0]), 3) == pytest.approx(0.4 / 3)
    assert f1(np.array([1, 1]), np.array([0, 0]), 2) == 0.0
    assert not recwarn.list


def test_pearson_of_predictions_that_differ_in_the_last_digits_only(recwarn):
    base = np.float32(1e4)
    predictions = np.array([base, base, np.nextafter(base, np.float32(2e4))])
    assert pearson(np.array([0.0, 0.0, 1.0]), predictions) == pytest.approx(1.0)
    assert not recwarn.list


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_weighted_f1_weighs_each_class_by_its_share_of_the_labels(pairs):
    labels, predictions = map(list, zip(*pairs, strict=True))
    wanted = math.fsum(
        labels.count(c) / len(labels) * plain_f1(labels, predictions, c) for c in set(labels)
    )
    assert weighted_f1(np.array(labels), np.array(predictions)) == pytest.approx(wanted)
