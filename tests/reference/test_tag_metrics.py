"""Scores of tags: against seqeval in strict IOB2, on random sequences and on hard ones."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.scheme import IOB2

from mae_bench.tasks.kinds import objects
from mae_bench.tasks.metrics import METRICS
from mae_bench.tasks.tag_schemes import are_spans, as_iob2, iob2_names

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
THEIRS = {"span_f1": f1_score, "span_precision": precision_score, "span_recall": recall_score}
HARD = {
    "I- from nothing": ([["B-PER", "I-PER", "O"]], [["I-PER", "I-PER", "O"]]),
    "I- after another type": ([["B-PER", "I-PER"]], [["B-LOC", "I-PER"]]),
    "I- after a stray I-": ([["O", "B-PER"]], [["I-PER", "I-PER"]]),
    "B- where a span goes on": ([["B-PER", "I-PER", "I-PER"]], [["B-PER", "B-PER", "I-PER"]]),
    "all outside": ([["O", "O"]], [["O", "O"]]),
    "nothing to find": ([["O", "O"]], [["B-PER", "O"]]),
    "nothing predicted": ([["B-PER", "O"]], [["O", "O"]]),
    "a span over two texts": ([["O", "B-PER"], ["I-PER"]], [["O", "B-PER"], ["I-PER"]]),
    "a text without words": ([[], ["B-LOC"]], [[], ["B-LOC"]]),
    "one covers two": ([["B-PER", "B-PER"]], [["B-PER", "I-PER"]]),
    "longer than a hundred": (
        [["B-PER", *["I-PER"] * 149]],
        [["B-PER", *["O"] * 148, "B-PER"]],
    ),
}


def ours(name, labels, predictions):
    return METRICS.get(name)(objects(labels), objects(predictions), 5)


def check(labels, predictions):
    for name, theirs in THEIRS.items():
        expected = theirs(labels, predictions, mode="strict", scheme=IOB2, zero_division=0)
        assert ours(name, labels, predictions) == pytest.approx(expected, abs=1e-12), name


@pytest.mark.parametrize("case", HARD)
def test_hard_sequences_score_as_by_seqeval(case):
    check(*HARD[case])
    check(*HARD[case][::-1])


def test_random_sequences_score_as_by_seqeval():
    rng = random.Random(0)
    for _ in range(40):
        sizes = [rng.randint(1, 12) for _ in range(rng.randint(1, 8))]
        labels = [rng.choices(TAGS, k=size) for size in sizes]
        predictions = [
            [rng.choice(TAGS) if rng.random() < 0.3 else tag for tag in tags] for tags in labels
        ]
        check(labels, predictions)


def test_tags_read_back_from_a_file_score_the_same():
    labels, predictions = HARD["B- where a span goes on"]
    arrays = [objects(np.array(tags, dtype=object) for tags in side) for side in (labels, labels)]
    assert METRICS.get("span_f1")(*arrays, 5) == 1.0
    assert ours("span_f1", labels, predictions) == 0.0


def test_word_accuracy_counts_words_and_not_texts():
    labels, predictions = [["A"] * 8, ["B"]], [["A"] * 8, ["A"]]
    assert ours("word_accuracy", labels, predictions) == pytest.approx(8 / 9)
    assert ours("word_accuracy", [[]], [[]]) == 0.0


@pytest.mark.parametrize("name", ["word_accuracy", "span_f1"])
def test_other_numbers_of_tags_are_never_cut_off_silently(name):
    with pytest.raises(ValueError):
        ours(name, [["O", "O"]], [["O"]])


SPANS = [(0, 1, "X"), (1, 4, "X"), (5, 6, "Y"), (6, 8, "Y"), (9, 10, "X")]  # of ten words
WRITTEN = {
    "IOB2": "B-X B-X I-X I-X O B-Y B-Y I-Y O B-X",
    "IOB1": "I-X B-X I-X I-X O I-Y B-Y I-Y O I-X",
    "IOBES": "S-X B-X I-X E-X O S-Y B-Y E-Y O S-X",
    "BIOS": "S-X B-X I-X I-X O S-Y B-Y I-Y O S-X",
    "BILOU": "U-X B-X I-X L-X O U-Y B-Y L-Y O U-X",
    "BMES": "S-X B-X M-X E-X O S-Y B-Y E-Y O S-X",
}


@pytest.mark.parametrize("scheme", WRITTEN)
def test_every_scheme_is_read_as_the_same_spans(scheme):
    tags = WRITTEN[scheme].split()
    assert are_spans(tags) and " ".join(as_iob2(tags)) == WRITTEN["IOB2"]
    assert set(as_iob2(tags)) <= set(iob2_names(sorted(set(tags))))


def test_tags_that_are_no_spans():
    assert not are_spans(["NOUN", "O"]) and not are_spans(["O"])
    assert not are_spans(["B-PER", "X-PER"]) and not are_spans(["B-", "O"])
    assert iob2_names(["S-A", "E-B", "O"]) == ("O", "B-A", "B-B", "I-B")


@given(
    st.lists(
        st.tuples(st.sampled_from("XY"), st.integers(1, 4), st.booleans()), min_size=1, max_size=6
    )
)
def test_random_spans_survive_every_scheme(drawn):
    """Spans of drawn type and length, some with a word outside behind them."""
    plain, ends = [], {"S": [], "1": []}
    last = ""
    for name, size, has_gap in drawn:
        plain += [f"B-{name}", *[f"I-{name}"] * (size - 1)]
        inner = [f"B-{name}", *[f"I-{name}"] * (size - 2), f"E-{name}"]
        ends["S"] += [f"S-{name}"] if size == 1 else inner
        ends["1"] += [f"{'B' if name == last else 'I'}-{name}", *[f"I-{name}"] * (size - 1)]
        last = "" if has_gap else name
        if has_gap:
            plain.append("O"), ends["S"].append("O"), ends["1"].append("O")
    for tags in (plain, *ends.values()):
        assert as_iob2(tags) == plain
