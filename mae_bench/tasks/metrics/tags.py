"""Scores of one tag a word: spans by nervaluate, words by counting.

Labels and predictions are arrays of lists of texts, one tag a word; tags of spans are IOB2.
"""

from itertools import chain
from typing import TYPE_CHECKING

from mae_bench.tasks.metrics.base import Values, of_any_classes
from mae_bench.tasks.tag_schemes import without_strays

if TYPE_CHECKING:
    from nervaluate.entities import EvaluationResult


@of_any_classes("span_f1")
def span_f1(labels: Values, predictions: Values) -> float:
    """Return F1 of spans over all types, where a span counts if bounds and type are right.

    Strict IOB2, micro-averaged, as seqeval's ``mode="strict", scheme=IOB2``: spans begin with
    ``B-`` alone. 0 where nothing was right, also where there was nothing to find.
    """
    return float(_counted(labels, predictions).f1)


@of_any_classes("span_precision")
def span_precision(labels: Values, predictions: Values) -> float:
    """Return the share of predicted spans that are right."""
    return float(_counted(labels, predictions).precision)


@of_any_classes("span_recall")
def span_recall(labels: Values, predictions: Values) -> float:
    """Return the share of labelled spans that were predicted."""
    return float(_counted(labels, predictions).recall)


@of_any_classes("word_accuracy")
def word_accuracy(labels: Values, predictions: Values) -> float:
    """Return the share of words with the right tag; 0 where there is no word."""
    is_right = [
        label == tag for label, tag in zip(chain(*labels), chain(*predictions), strict=True)
    ]
    return sum(is_right) / len(is_right) if is_right else 0.0


def _counted(labels: Values, predictions: Values) -> "EvaluationResult":
    """Return the counts over all texts, with the scores of their sums.

    nervaluate's `Evaluator` would count four strategies for each type, too, which takes a second
    where there are a hundred types.
    """
    from nervaluate.entities import EvaluationResult
    from nervaluate.loaders import ListLoader
    from nervaluate.strategies import StrictEvaluation

    # nervaluate reads an I- that goes on from nothing as a span, which strict IOB2 does not
    sides = [[without_strays(tags) for tags in side] for side in (labels, predictions)]
    for label, tags in zip(*sides, strict=True):
        if len(label) != len(tags):
            raise ValueError(f"{len(tags)} tags predicted for a text of {len(label)} words")
    total, strict = EvaluationResult(), StrictEvaluation()
    for spans, predicted in zip(*(ListLoader().load(side) for side in sides), strict=True):
        counts, _ = strict.evaluate(spans, predicted, [])
        total.correct += counts.correct
        total.incorrect += counts.incorrect
        total.missed += counts.missed
        total.spurious += counts.spurious
    total.compute_metrics()
    return total
