"""Scores of predictions against labels: a file for each form of labels.

What to touch: a metric is one registered function here, its direction and unit in `measures.py`.
"""

from mae_bench.tasks.metrics import (
    answers,
    classes,
    detection,
    label_sets,
    likelihoods,
    numbers,
    ranking,
    tags,
)
from mae_bench.tasks.metrics.base import METRICS, Metric, Values, add_metric

__all__ = [
    "METRICS",
    "Metric",
    "Values",
    "add_metric",
    "answers",
    "classes",
    "detection",
    "label_sets",
    "likelihoods",
    "numbers",
    "ranking",
    "tags",
]
