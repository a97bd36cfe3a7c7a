"""Kneser-Ney against its formula written out with dictionaries, and what is asked of it."""

import math
import random
from collections import Counter, defaultdict

import numpy as np
import pytest

from mae_bench.data.tokenizer import CLS, PAD, SEP
from mae_bench.protocols.ngram_model import UNSEEN_DISCOUNT, NgramModel

VOCAB, FIRST = 14, 5  # the first id that is text; [UNK], 1, is text, too


def rows_of(seed, num_rows=12, length=9):
    rng = random.Random(seed)
    rows = np.full((num_rows, length), PAD)
    for row in rows:
        count = rng.randint(1, length - 2)
        row[0], row[count + 1] = CLS, SEP
        row[1 : count + 1] = [rng.choice([1, *range(FIRST, VOCAB - 2)]) for _ in range(count)]
    return rows


def texts_of(rows):
    return [[token for token in row.tolist() if token not in (CLS, SEP, PAD)] for row in rows]


class Plain:
    """The same, one n-gram at a time."""

    def __init__(self, texts, order):
        self.order = order
        self.counts = {order: Counter()}
        for text in texts:
            padded = [CLS] * (order - 1) + text
            for end in range(order, len(padded) + 1):
                self.counts[order][tuple(padded[end - order : end])] += 1
        for length in range(order - 1, 0, -1):
            before = defaultdict(set)
            for ngram in self.counts[length + 1]:
                before[ngram[1:]].add(ngram[0])
            self.counts[length] = {ngram: len(firsts) for ngram, firsts in before.items()}

    def probability(self, ngram):
        if not ngram:
            return 1 / (VOCAB - 4)
        counts, lower = self.counts[len(ngram)], self.probability(ngram[1:])
        once, twice = (sum(count == n for count in counts.values()) for n in (1, 2))
        discount = once / (once + 2 * twice) if once else UNSEEN_DISCOUNT
        same = {other: count for other, count in counts.items() if other[:-1] == ngram[:-1]}
        if not same:
            return lower
        kept = max(same.get(ngram, 0) - discount, 0)
        return (kept + discount * len(same) * lower) / sum(same.values())


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_probabilities_are_the_formula(order, seed):
    rows = rows_of(seed)
    model, plain = NgramModel(rows, order, VOCAB), Plain(texts_of(rows), order)
    # of texts that it has read, of others, and with a token that it has never seen
    for text in [*texts_of(rows)[:4], *texts_of(rows_of(seed + 100))[:4], [VOCAB - 1, 6, 7]]:
        padded = [CLS] * (order - 1) + text
        expected = [
            math.log(plain.probability(tuple(padded[end - order : end])))
            for end in range(order, len(padded) + 1)
        ]
        given = model.log_probabilities(np.array(text, dtype=np.int64))
        np.testing.assert_allclose(given, expected, rtol=1e-9)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_after_any_context_the_probabilities_of_all_tokens_add_up_to_one(order):
    model = NgramModel(rows_of(0), order, VOCAB)
    tokens = [1, *range(FIRST, VOCAB)]
    for context in ([], [6], [6, 7], [VOCAB - 1, 8], [9, VOCAB - 1]):
        texts = (np.array([*context, token], dtype=np.int64) for token in tokens)
        total = sum(math.exp(model.log_probabilities(text)[-1]) for text in texts)
        assert total == pytest.approx(1)


def test_padding_and_special_tokens_are_not_learned():
    rows = rows_of(1)
    padded = np.concatenate([rows, np.full((len(rows), 5), PAD)], axis=1)
    text = np.array([6, 7, 8, 6], dtype=np.int64)
    np.testing.assert_array_equal(
        NgramModel(rows, 3, VOCAB).log_probabilities(text),
        NgramModel(padded, 3, VOCAB).log_probabilities(text),
    )


def test_no_discount_can_be_told_where_nothing_was_seen_once():
    rows = np.array([[CLS, 6, 7, SEP]] * 3)
    text = np.array([7, 6, 9], dtype=np.int64)
    assert np.isfinite(NgramModel(rows, 1, VOCAB).log_probabilities(text)).all()
    assert NgramModel(np.array([[CLS, 6, 7, 7, SEP]]), 1, VOCAB).commonest == 7
