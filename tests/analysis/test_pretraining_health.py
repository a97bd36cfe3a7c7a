"""The health of pretrainings: when a run left the plateau, and what the page says of it."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_rows import small_study, table

from mae_bench.analysis.curves import Curve
from mae_bench.analysis.health import health_of, health_table, state_of
from mae_bench.analysis.health_plots import health_picture, reference_curves
from mae_bench.analysis.rows import read_scores
from mae_bench.plateau import is_in_nats_a_token, tokens_at_leaving

ENTROPY, VOCAB = 6.0, 2048
LOG_V = math.log(VOCAB)


def curve(loss, arm="mlm", seed=0, **changes):
    points = tuple(float(100 * (i + 1)) for i in range(len(loss)))
    facts = {"unigram_entropy": ENTROPY, "vocab_size": VOCAB, "cost": {}} | changes
    return Curve(arm, seed, None, points, points, points, points, tuple(loss), **facts)


@pytest.mark.parametrize(
    ("loss", "left"),
    [
        ([7.6, 6.0, 6.0, 6.0, 6.0, 6.0], None),
        ([7.6, 6.0, 5.0, 5.0, 5.0, 5.0, 5.0], 300),
        ([7.6, 6.0, 6.0, 4.0, 6.0, 6.0, 6.0], None),  # one lucky batch
        ([7.6, 5.0, 5.0, 5.0, 5.0, 6.0, 6.0, 6.0], None),  # came back, and stayed
        ([7.6, 5.0, 5.0, 5.0, 6.0, 6.0, 6.0, 5.0, 5.0, 5.0], 800),
        ([7.6, 6.0, 5.0, 5.0, float("nan"), float("nan"), float("nan")], None),
        ([], None),
    ],
)
def test_a_run_leaves_once_and_for_good(loss, left):
    points = [100 * (i + 1) for i in range(len(loss))]
    assert tokens_at_leaving(points, loss, ENTROPY) == left


@given(st.lists(st.floats(3.0, 8.0), min_size=1, max_size=40))
def test_leaving_is_what_it_says(loss):
    medians = [float(np.sort(loss[max(0, i - 2) : i + 3])[len(loss[max(0, i - 2) : i + 3]) // 2])
               for i in range(len(loss))]  # fmt: skip
    below = [median < 0.95 * ENTROPY for median in medians]
    expected = next((i for i in range(len(loss)) if all(below[i:])), None)
    assert tokens_at_leaving(range(len(loss)), loss, ENTROPY) == expected


def test_only_a_loss_that_starts_at_a_blind_guess_has_the_landmark():
    assert is_in_nats_a_token([LOG_V, 5.0], ENTROPY, VOCAB)
    assert not is_in_nats_a_token([1.1, 0.3], ENTROPY, VOCAB)  # of vectors
    assert not is_in_nats_a_token([42.0, 40.0], ENTROPY, VOCAB)  # a sum of parts
    assert not is_in_nats_a_token([LOG_V], None, VOCAB)
    assert not is_in_nats_a_token([], ENTROPY, VOCAB)


def test_the_table_counts_runs_by_how_they_ended():
    flat, good = [LOG_V, *[6.0] * 9], [LOG_V, 6.0, *[4.0] * 8]
    values = {"mlm": [0.7, 0.8, 0.75], "mae": [0.6, 0.6, 0.7], "simcse": [0.5, 0.6, 0.5]}
    scores = read_scores(table(values), small_study(("mlm", "mae", "simcse")), frozenset())
    curves = [
        curve(good, cost={"validation_loss": 3.0}),
        curve(good, seed=1, cost={"validation_loss": 3.6}),
        curve(good, "mae", cost={"validation_loss": 3.0}),
        curve(flat, "mae", 1, cost={"validation_loss": 6.0, "plateau": "plateau: …"}),
        curve(
            flat, "mae", 2,
            cost={"validation_loss": 6.0, "plateau": "plateau: …", "is_collapsed": True},
        ),
        curve([1.0, 0.5], "simcse", cost={"is_collapsed": False}),
    ]  # fmt: skip
    slow = curve(flat, "mlm", 0, cost={"validation_loss": 6.2, "plateau": ""})
    alone = health_table(table(values), scores, [slow]).frame.set_index("arm")
    assert alone.loc["mlm", "state"] == "1 not yet off the plateau"
    shown = health_table(table(values), scores, curves)
    lines = shown.frame.set_index("arm")
    assert lines.loc["mlm"].to_dict() == {
        "runs": "2",
        "loss": "0.550",
        "left the plateau": "300 (300 to 300)",
        "state": "sound",
    }
    assert lines.loc["mae", "left the plateau"] == "300, 2 of 3 never"
    assert lines.loc["mae", "state"] == "1 collapsed, 1 on a plateau"
    assert lines.loc["simcse", "loss"] == "another kind"
    assert "6.000 nats" in shown.notes[1] and f"{LOG_V:.3f} (log V)" in shown.notes[1]
    assert health_table(table(values), scores, []) is None


def test_a_last_phase_that_predicts_no_tokens_has_no_landmark():
    """Of phases, the loss that is left at the end is that of the last."""
    phases = [LOG_V, 6.0, *[5.0] * 6, 0.5, 0.4]
    contrastive = {"validation_loss": 0.8, "unread_loss": 10.1}
    assert not health_of(curve(phases, cost=contrastive)).is_of_tokens
    named = curve(phases, cost={"validation_loss": 4.9, "unread_loss": 1.2 * ENTROPY})
    declared = replace(named, place_entropy=ENTROPY)  # the last phase is known to predict tokens
    assert not health_of(named).is_of_tokens and health_of(declared).share == 4.9 / ENTROPY
    for unread in (ENTROPY, 0.97 * ENTROPY):  # exchanged rows may be told apart by more than words
        tokens = {"validation_loss": 4.9, "unread_loss": unread}
        health = health_of(curve([LOG_V, 6.0, *[5.0] * 8], cost=tokens))
        assert health.is_of_tokens and health.share == 4.9 / ENTROPY


def test_a_loss_that_is_low_without_reading_has_no_landmark():
    """Of dropped spans, their delimiters are told without the row: the loss starts like one of
    tokens, falls far below their entropy, and nothing was read."""
    losses = [LOG_V, 6.0, *[4.56] * 8]
    spans = {"validation_loss": 4.55, "unread_loss": 4.56, "plateau": "plateau: …"}
    health = health_of(curve(losses, cost=spans))
    assert not health.is_of_tokens and health.left_at is None
    assert state_of(health) == "flat"


def test_the_figure_shows_runs_of_tokens_alone(tmp_path):
    scores = read_scores(table({"mlm": [0.7], "simcse": [0.5]}), small_study(("mlm", "simcse")),
                         frozenset())  # fmt: skip
    other = [curve([1.0, 0.5], "simcse")]
    assert health_picture(scores, other) is None
    mlm = [curve([LOG_V, 6.0, 5.0, 5.0, 5.0])]
    picture = health_picture(scores, [*mlm, *other])
    figure = picture.draw(True)
    labels = {line.get_label().strip() for line in figure.axes[0].lines}
    assert "mlm" in labels and "simcse" not in labels
    assert {reference["name"] for reference in reference_curves()} <= labels
    assert "blind guess (log V)" in labels
    copying = [replace(other, seed=1, place_entropy=0.9 * ENTROPY) for other in mlm]
    figure = health_picture(scores, [*mlm, *copying]).draw(True)
    assert "blind guess (log V)" not in {line.get_label().strip() for line in figure.axes[0].lines}


def test_reference_curves_are_of_runs_that_left():
    for reference in reference_curves():
        assert len(reference["tokens"]) == len(reference["share"])
        assert reference["tokens"] == sorted(reference["tokens"])
        assert reference["share"][-1] < 0.95 < 1 < reference["share"][0]


def test_health_reads_the_last_point_where_no_row_was_held_out():
    assert health_of(curve([LOG_V, 3.0])).share == 0.5


def test_sizes_stand_in_order_each_with_its_own_accuracy():
    values = {"mlm": [0.7, 0.8]}
    scores = read_scores(table(values), small_study(("mlm",)), frozenset())
    axes = ((1_000_000, 0.5), (300_000, 0.5), (300_000, 0.9))
    curves = [
        replace(curve([LOG_V, 5.0]), corpus_tokens=size, pretrain_ratio=share)
        for size, share in axes
    ]
    shown = {"metric": "masked_accuracy_15", "task": "corpus", "protocol": "representation"}
    rows = pd.concat(
        [
            table({"mlm": [accuracy]}, **shown, corpus_tokens=size, pretrain_ratio=share)
            for (size, share), accuracy in zip(axes, (0.3, 0.1, 0.2), strict=True)
        ]
    )
    lines = health_table(rows, scores, curves).frame
    assert lines["corpus tokens"].tolist() == ["300,000", "300,000", "1,000,000"]
    assert lines["pretrain ratio"].tolist() == ["50%", "90%", "50%"]
    assert lines["masked accuracy"].tolist() == ["10.0%", "20.0%", "30.0%"]
