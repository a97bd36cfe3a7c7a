"""Protocols that learn from no label have one result, which is not sought under other sizes."""

from report_rows import row, small_study

from mae_bench.analysis.rows import read_scores
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
    assert {arm for arm, _, _ in scores.cells} == {"mlm", "mae"}, "the floor had 64 labels"


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
