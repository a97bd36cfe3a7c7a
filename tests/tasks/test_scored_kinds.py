"""Minimal pairs and texts: what is read of them, and what a scorer's numbers make of them."""

import dataclasses
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scored_cases import scored_task

from mae_bench.data.word_units import count_words, drawn_words, stretches, words_of
from mae_bench.errors import DataError, SpecError
from mae_bench.protocols.scoring import compute_metric
from mae_bench.specs import ScoreRecipe
from mae_bench.tasks import Examples, kind_of
from mae_bench.tasks.scored import Recovered

PAIRS = scored_task("minimal_pair")
TEXTS = scored_task("language_model")


def scorer(function, is_left_to_right=False):
    """Return a scorer whose number for a text is a function of it."""
    return SimpleNamespace(
        is_left_to_right=is_left_to_right,
        log_likelihoods=lambda texts: np.array([float(function(text)) for text in texts]),
        recover=lambda texts, ratio: Recovered(hidden=4, right=1, read=20),
    )


def accuracy(examples, function):
    kind = kind_of(PAIRS.task)
    predictions, groups = kind.judge(examples, scorer(function), ScoreRecipe())
    return compute_metric(PAIRS.task, "accuracy", examples.labels, predictions), groups


def read_pairs(rows):
    """Return pairs of good and bad sentences as preparing a task reads them."""
    kind = kind_of(PAIRS.task)
    read = [kind.read_example(row, "g", "row 0") for row in rows]
    texts, labels = zip(*read, strict=True)
    columns = tuple(map(list, zip(*texts, strict=True)))
    names = [str(number) for number in range(len(rows))]
    return Examples(names, columns, kind.array([kind.read_label(at, "row") for at in labels]))


ROWS = [(f"good {number}", f"bad {number}") for number in range(200)]


def test_a_constant_scorer_is_right_never():
    for constant in (-7.0, 0.0):
        value, groups = accuracy(read_pairs(ROWS), lambda text, c=constant: c)
        assert value == 0.0
        assert groups == {"accuracy/g": 0.0}


def test_ties_are_wrong_and_so_is_what_rounding_makes_of_them():
    pairs = read_pairs(ROWS)
    for gap, expected in ((0.0, 0.0), (1e-6, 0.0), (-1e-6, 0.0), (1e-3, 1.0), (-1e-3, 0.0)):
        value, _ = accuracy(pairs, lambda text, gap=gap: -9 + gap * text.startswith("good"))
        assert value == expected, gap
    half, _ = accuracy(pairs, lambda text: text.startswith("good") and int(text[5:]) < 100)
    assert half == 0.5


def test_the_order_of_a_pair_says_nothing():
    pairs = read_pairs(ROWS)
    assert 60 < pairs.labels.sum() < 140
    for label, first, second in zip(pairs.labels, *pairs.texts[:2], strict=True):
        assert (first, second)[label].startswith("good")
    assert read_pairs([row[::-1] for row in ROWS]).texts == pairs.texts, "whichever is good"


def test_accuracy_is_by_group_too():
    texts = PAIRS.test.texts
    right = {texts[label][number] for number, label in enumerate(PAIRS.test.labels)}
    wrong = {texts[0][0], texts[1][0]}
    value, groups = accuracy(PAIRS.test, lambda text: 0 if text in wrong else text in right)
    assert value == pytest.approx(5 / 6)
    assert groups == {"accuracy/one": pytest.approx(2 / 3), "accuracy/two": 1.0}


def test_a_pair_of_one_sentence_is_skipped_and_counted():
    kind = kind_of(PAIRS.task)
    assert kind.read_example(("same ", "same"), "g", "row 0") is None
    assert dict(kind.skipped) == {"pairs of one sentence twice": 1}
    with pytest.raises(DataError, match="the group of row 0 must be text, got 7; name a column"):
        kind.read_example(("a", "b"), 7, "row 0")
    bare = kind_of(dataclasses.replace(PAIRS.task, label_field=""))
    assert bare.read_example(("a", "b"), None, "row 0")[0][2] == ""


@pytest.mark.parametrize("data", [PAIRS, TEXTS])
def test_a_task_with_something_to_learn_is_refused(data):
    kind_of(data.task).check()
    for change in ({"is_test_only": False}, {"label_names": ("a", "b")}):
        with pytest.raises(SpecError, match="set is_test_only=True and leave label_names"):
            kind_of(dataclasses.replace(data.task, **change)).check()


def test_pairs_are_read_from_each_group_in_proportion_whatever_their_order():
    kind, recipe = kind_of(PAIRS.task), ScoreRecipe(max_pairs=30)
    groups = ["many"] * 150 + ["some"] * 40 + ["few"] * 10
    pairs = read_pairs(ROWS)
    pairs = dataclasses.replace(pairs, texts=(*pairs.texts[:2], groups))
    chosen = pairs.take(kind.sample(pairs, recipe))
    counts = {group: chosen.texts[2].count(group) for group in set(groups)}
    assert counts == {"many": 23, "some": 6, "few": 1} or counts == {
        "many": 22,
        "some": 6,
        "few": 2,
    }
    shuffled = pairs.take(np.random.default_rng(0).permutation(200))
    again = shuffled.take(kind.sample(shuffled, recipe))
    assert set(again.texts[0]) == set(chosen.texts[0])
    assert kind.sample(pairs, ScoreRecipe()).tolist() == list(range(200))


def test_documents_are_read_whole_until_the_characters_are_spent():
    kind = kind_of(TEXTS.task)
    lengths = TEXTS.test.labels
    for most in (1, 12, 25, 10_000):
        chosen = kind.sample(TEXTS.test, ScoreRecipe(max_characters=most))
        assert len(chosen) >= 1
        assert lengths[chosen].sum() <= most or len(chosen) == 1
    assert len(chosen) == 6


def test_bits_and_perplexity_do_not_ask_how_a_tokenizer_cuts():
    """Whatever the units, a text that costs so many nats costs so many bits a character."""
    kind, recipe = kind_of(TEXTS.task), ScoreRecipe()
    texts = TEXTS.test.texts[0]
    nats_of = {text: 3.0 + 0.1 * len(text) for text in texts}
    total = sum(nats_of.values())
    by_units = []
    for cut in (list, str.split, lambda text: re.findall("..?", text)):
        # each tokenizer deals the text's nats out among units of its own
        def cost(text, cut=cut):
            units = cut(text)
            return -sum([nats_of[text] / len(units)] * len(units))

        nats, further = kind.judge(TEXTS.test, scorer(cost), recipe)
        bits = compute_metric(TEXTS.task, TEXTS.task.metrics[0], TEXTS.test.labels, nats)
        assert further["pseudo_bits_per_character"] == bits
        by_units.append((bits, further["pseudo_perplexity_per_word"]))
    characters, words = sum(map(len, texts)), sum(len(text.split()) for text in texts)
    expected = total / math.log(2) / characters, math.exp(total / words)
    assert by_units == [pytest.approx(expected)] * 3


def test_a_likelihood_is_another_measure_and_recovers_nothing():
    kind, recipe = kind_of(TEXTS.task), ScoreRecipe(word_ratios=(0.15, 0.5))
    _, pseudo = kind.judge(TEXTS.test, scorer(lambda text: -len(text)), recipe)
    _, own = kind.judge(TEXTS.test, scorer(lambda text: -len(text), True), recipe)
    assert set(own) == {"causal_bits_per_character", "causal_perplexity_per_word"}
    assert not set(own) & set(pseudo)
    for percent in (15, 50):
        assert pseudo[f"masked_word_accuracy_{percent}"] == 1 / 4
        assert pseudo[f"word_error_{percent}"] == 3 / 20


def test_words_are_between_blanks_or_one_character():
    text = " ab, c\u00a0e\u0301x 中文x。"
    numbers = words_of(text).tolist()
    assert numbers == [-1, 0, 0, 0, -1, 1, -1, 2, 2, 2, -1, 3, 4, 5, 6]
    assert (count_words(text), count_words(""), count_words("  ")) == (7, 0, 0)


@given(st.text(alphabet=" \nab.中é\u0301", max_size=40), st.integers(1, 6))
def test_stretches_hold_every_word_once(text, most):
    parts = stretches(text, most)
    assert "".join("".join(parts).split()) == "".join(text.split())
    counts = [count_words(part) for part in parts]
    assert sum(counts) == count_words(text)
    assert all(count == most for count in counts[:-1]) and all(counts)


def test_drawn_words_are_a_share_and_the_same_again():
    text = " ".join(f"w{number}" for number in range(40))
    assert [len(drawn_words(text, ratio)) for ratio in (0.01, 0.15, 0.5, 0.9)] == [1, 6, 20, 36]
    assert drawn_words(text, 0.15) < drawn_words(text, 0.5)
    assert drawn_words(text, 0.15) != drawn_words(text + "!", 0.15)
