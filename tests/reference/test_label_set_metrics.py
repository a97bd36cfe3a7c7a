"""Scores of several classes a text: against scikit-learn on its own binarised labels."""

import random

import pytest
from sklearn.metrics import accuracy_score, f1_score
from sklearn.preprocessing import MultiLabelBinarizer

from mae_bench.tasks.kinds import objects
from mae_bench.tasks.metrics import METRICS

CLASSES = 5
THEIRS = {
    "micro_f1": lambda y, p: f1_score(y, p, average="micro", zero_division=0),
    "macro_f1": lambda y, p: f1_score(y, p, average="macro", zero_division=0),
    "subset_accuracy": accuracy_score,
}


def drawn(rng, count, share):
    return [[c for c in range(CLASSES) if rng.random() < share] for _ in range(count)]


@pytest.mark.parametrize("name", THEIRS)
def test_scores_are_those_of_scikit_learn(name):
    rng = random.Random(0)
    binarizer = MultiLabelBinarizer(classes=range(CLASSES)).fit([])
    sides = [(drawn(rng, 9, a), drawn(rng, 9, b)) for a in (0, 0.3, 1) for b in (0, 0.3, 1)]
    sides += [(labels, labels) for labels, _ in sides]
    for labels, predictions in sides:
        table = binarizer.transform(labels), binarizer.transform(predictions)
        score = METRICS.get(name)(objects(labels), objects(predictions), CLASSES)
        assert score == pytest.approx(float(THEIRS[name](*table)), abs=1e-12)
