"""Scores of answers cut from a text, by the rules of SQuAD and of CMRC 2018.

A label is ``{"text": [...], ...}``, the answers that are right, of which the best match counts; a
prediction is a text, empty for no answer.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from mae_bench.tasks.metrics.base import Values, of_any_classes

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)
# The signs that CMRC 2018 leaves out. Its list also holds a double ellipsis, which no single
# character equals, so that one stays.
CMRC_SIGNS = frozenset("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")  # noqa: RUF001 (full-width)
# What the script leaves to nltk.word_tokenize: runs without Chinese characters.
_WORDS = re.compile(r"\w+(?:[.,]\d+)*|\S")


@of_any_classes("exact_match")
def exact_match(labels: Values, predictions: Values) -> float:
    """Return the share of predictions that equal a right answer, by SQuAD's rules.

    Case, ASCII punctuation, English articles and runs of blanks do not count (Rajpurkar et al.
    2016, arXiv:1606.05250). As in SQuAD 2.0 (2018, arXiv:1806.03822) right answers of which
    nothing is left are left out, and a question without any wants an empty prediction; that of
    1.1 differs there alone.
    """
    return _mean_of_best(labels, predictions, lambda a, b: float(a == b), _squad_answers, _plain)


@of_any_classes("answer_f1")
def answer_f1(labels: Values, predictions: Values) -> float:
    """Return the mean F1 of words shared with a right answer, by SQuAD's rules."""
    return _mean_of_best(labels, predictions, _f1_of_words, _squad_answers, _plain)


@of_any_classes("cmrc_exact_match")
def cmrc_exact_match(labels: Values, predictions: Values) -> float:
    """Return the share of predictions that equal a right answer, by CMRC 2018's rules.

    Case and the signs of its list do not count (Cui et al. 2019, arXiv:1810.07366). No answer is
    right where none is given, which the set does not have.
    """
    return _mean_of_best(labels, predictions, lambda a, b: float(a == b), _all_answers, _unsigned)


@of_any_classes("cmrc_f1")
def cmrc_f1(labels: Values, predictions: Values) -> float:
    """Return the mean F1 of the longest run of characters shared with a right answer, by CMRC's.

    A Chinese character counts as one, and so does a word of other scripts. These words are told
    apart by a rule of this package, where the official script calls ``nltk.word_tokenize``: a run
    of letters and digits with the points inside its numbers, or one other sign. The two differ on
    contractions, abbreviations and runs of signs alone.
    """
    return _mean_of_best(labels, predictions, _f1_of_runs, _all_answers, str)


def _mean_of_best(
    labels: Iterable[Mapping[str, Iterable[str]]],
    predictions: Iterable[str],
    score: Callable[[str, str], float],
    answers_of: Callable[[list[str]], list[str]],
    normalise: Callable[[str], str],
) -> float:
    scores = []
    for label, prediction in zip(labels, predictions, strict=True):
        predicted = normalise(prediction)
        answers = map(normalise, answers_of(list(label["text"])))
        scores.append(max(score(answer, predicted) for answer in answers))
    return float(np.mean(scores))


def _squad_answers(answers: list[str]) -> list[str]:
    return [answer for answer in answers if _plain(answer)] or [""]


def _all_answers(answers: list[str]) -> list[str]:
    return answers or [""]


def _plain(text: str) -> str:
    """Return a text without case, ASCII punctuation, articles and runs of blanks."""
    text = text.lower().translate(_ASCII_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", text).split())


def _f1_of_words(answer: str, predicted: str) -> float:
    right, words = answer.split(), predicted.split()
    if not right or not words:
        return float(right == words)
    return _f1(sum((Counter(right) & Counter(words)).values()), len(words), len(right))


def _unsigned(text: str) -> str:
    return "".join(letter for letter in text.lower().strip() if letter not in CMRC_SIGNS)


def _f1_of_runs(answer: str, predicted: str) -> float:
    right, parts = _mixed_parts(answer), _mixed_parts(predicted)
    if not right and not parts:
        return float(not answer and not predicted)
    return _f1(_longest_run(right, parts), len(parts), len(right))


def _mixed_parts(text: str) -> list[str]:
    """Return Chinese characters one by one, and words between them, without CMRC's signs."""
    parts: list[str] = []
    run = ""
    for letter in text.lower().strip():
        if letter in CMRC_SIGNS:
            continue  # what it stood between is one run, as in the script
        if "\u4e00" <= letter <= "\u9fa5":
            parts += [*_WORDS.findall(run), letter]
            run = ""
        else:
            run += letter
    return parts + _WORDS.findall(run)


def _longest_run(a: list[str], b: list[str]) -> int:
    """Return the length of the longest run of parts that stands in both."""
    best = 0
    before = [0] * (len(b) + 1)
    for part in a:
        here = [0] * (len(b) + 1)
        for at, other in enumerate(b):
            if part == other:
                here[at + 1] = before[at] + 1
        best = max(best, *here)
        before = here
    return best


def _f1(num_shared: int, num_predicted: int, num_right: int) -> float:
    if num_shared == 0:
        return 0.0
    precision, recall = num_shared / num_predicted, num_shared / num_right
    return 2 * precision * recall / (precision + recall)
