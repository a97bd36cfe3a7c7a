"""Protocols that learn from no label have one result, which is not sought under other sizes."""

from report_rows import row, small_study

from mae_bench.analysis.rows import read_scores
from mae_bench.results import frame

FLOOR = {"objective": "majority", "is_floor": True, "protocol": "majority"}


def rows_of(protocol, **changes):
    arms = [row(arm, 0.5, protocol=protocol, **changes) for arm in ("mlm", "mae")]
    return [*arms, row("majority class", 0.3, train_size="64", n_train=64, **FLOOR)]


def test_a_result_without_labels_is_the_only_setting_of_its_protocol():
    study = small_study(protocols=("zero_shot",), train_sizes=(64, "all"), seeds=(0,))
    scores = read_scores(frame(rows_of("zero_shot", n_train=0)), study)
    assert [setting.train_size for setting in scores.settings] == ["all"]
    assert {arm for arm, _, _ in scores.cells} == {"mlm", "mae"}, "the floor had 64 labels"


def test_what_is_learned_from_labels_keeps_the_sizes_of_the_study():
    study = small_study(protocols=("finetune",), train_sizes=(64, 200), seeds=(0,))
    scores = read_scores(frame(rows_of("finetune", train_size="64", n_train=64)), study)
    assert [setting.train_size for setting in scores.settings] == [64, 200]
    assert ("majority class", "sst2", scores.settings[0]) in scores.cells
