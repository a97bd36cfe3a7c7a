"""Protocols that learn from no label have one result, which is not sought under other sizes."""

import pytest
from report_rows import row, small_study

from mae_bench.analysis.rows import read_scores
from mae_bench.analysis.score_tables import score_table
from mae_bench.results import frame
from mae_bench.specs import CORPUS

FLOOR = {"objective": "majority", "is_floor": True, "protocol": "majority"}


def rows_of(protocol, **changes):
    arms = [row(arm, 0.5, protocol=protocol, **changes) for arm in ("mlm", "mae")]
    return [*arms, row("majority class", 0.3, train_size="64", n_train=64, **FLOOR)]


def test_a_result_without_labels_is_the_only_setting_of_its_protocol():
    study = small_study(protocols=("zero_shot",), train_sizes=(64, "all"), seeds=(0,))
    scores = read_scores(frame(rows_of("zero_shot", n_train=0)), study)
    assert [setting.train_size for setting in scores.settings] == ["all"]
    (setting,) = scores.settings
    table = score_table(scores, setting)
    cells = dict(zip(table.frame["arm"], table.frame["sst2 (accuracy)"], strict=True))
    assert cells == {"majority class": "30.0 (64 labels)", "mlm": "50.0", "mae": "50.0"}
    assert "no labels" in table.caption and "says how many" in table.notes[-1]


@pytest.mark.parametrize("sizes", [(16, 64), (64, 16), (16, "all"), ("all", 16)])
def test_the_floor_beside_it_learned_from_most_labels(sizes):
    study = small_study(protocols=("zero_shot",), train_sizes=sizes, seeds=(0,))
    rows = rows_of("zero_shot", n_train=0)[:2]
    for size in sizes:
        labels = 400 if size == "all" else size
        value = labels / 1000
        rows.append(row("majority class", value, train_size=str(size), n_train=labels, **FLOOR))
    scores = read_scores(frame(rows), study)
    (setting,) = scores.settings
    cell = scores.cells["majority class", "sst2", setting]
    assert cell.n_train == (400 if "all" in sizes else 64) and cell.mean == cell.n_train / 1000


def test_beside_it_a_floor_without_labels_says_nothing_of_them():
    study = small_study(protocols=("zero_shot",), train_sizes=(64,), seeds=(0,))
    floor = {"objective": "bm25", "is_floor": True, "protocol": "bm25"}
    rows = [*rows_of("zero_shot", n_train=0)[:2], row("BM25", 0.4, n_train=0, **floor)]
    scores = read_scores(frame(rows), study)
    table = score_table(scores, scores.settings[0])
    assert table.frame["sst2 (accuracy)"].tolist() == ["40.0", "50.0", "50.0"]


def test_a_setting_without_labels_says_so_and_keeps_its_name():
    study = small_study(protocols=("zero_shot", "finetune"), seeds=(0,))
    rows = [*rows_of("zero_shot", n_train=0)[:2], *rows_of("finetune")[:2]]
    scores = read_scores(frame(rows), study)
    assert {setting.slug: setting.label for setting in scores.settings} == {
        "zero-shot-all-clean": "zero_shot, no labels, clean",
        "finetune-all-clean": "finetune, all labels, clean",
    }


def test_a_protocol_that_reads_the_corpus_keeps_its_words():
    study = small_study(protocols=("representation",), seeds=(0,))
    rows = [
        row(arm, 0.5, protocol="representation", task=CORPUS, n_train=0) for arm in ("mlm", "mae")
    ]
    (setting,) = read_scores(frame(rows), study).settings
    assert setting.label == "representation, all labels, clean"


def test_what_is_learned_from_labels_keeps_the_sizes_of_the_study():
    study = small_study(protocols=("finetune",), train_sizes=(64, 200), seeds=(0,))
    scores = read_scores(frame(rows_of("finetune", train_size="64", n_train=64)), study)
    assert [setting.train_size for setting in scores.settings] == [64, 200]
    assert ("majority class", "sst2", scores.settings[0]) in scores.cells
