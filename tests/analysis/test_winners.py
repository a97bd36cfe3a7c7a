"""Where the winner changes: firsts by axis, and pairs that are decided both ways."""

import numpy as np
import pandas as pd
from report_rows import SEEDS, row, small_study

from mae_bench.analysis.pairwise import decide_all
from mae_bench.analysis.report import ReportContext, write_report
from mae_bench.analysis.rows import read_scores
from mae_bench.analysis.winners import columns_long, turned_pairs, winner_columns, winner_tables
from mae_bench.results import frame

KINDS = {"sst2": "classify", "stsb": "regress"}
GAINS = {  # by task and arm: far apart beside the spread of .004
    "sst2": {"mlm": 0.8, "mae": 0.6, "simcse": 0.7},
    "stsb": {"mlm": 0.6, "mae": 0.7, "simcse": 0.7},
}


def rows_of(gains, metric="accuracy", **changes):
    rng = np.random.default_rng(0)
    return [
        row(arm, mean + rng.normal(0, 0.004), seed, task, metric=metric, **changes)
        for task, means in gains.items()
        for arm, mean in means.items()
        for seed in SEEDS
    ]


def decided_columns(scores):
    return winner_columns(scores, KINDS, decide_all(scores, "mlm"))


def columns_of(gains, metric="accuracy", outside=()):
    rows = rows_of(gains, metric) + [
        row("theirs", value, seed, task, metric=metric, objective="outside")
        for task, value in outside
        for seed in SEEDS
    ]
    study = small_study(arms=("mlm", "mae", "simcse"), tasks=tuple(gains))
    return decided_columns(read_scores(frame(rows), study))


def test_the_first_is_decided_only_where_it_beats_every_other_arm():
    sst2, stsb = columns_of(GAINS)
    assert (sst2.task, sst2.kind, sst2.first, sst2.is_decided) == ("sst2", "classify", "mlm", True)
    assert sst2.beaten == {("mlm", "mae"), ("mlm", "simcse"), ("simcse", "mae")}
    assert stsb.first in ("mae", "simcse") and not stsb.is_decided
    assert stsb.beaten == {("mae", "mlm"), ("simcse", "mlm")}


def test_pairs_that_are_decided_both_ways_turn():
    columns = columns_of(GAINS)
    assert {
        pair: ([c.task for c in wins], [c.task for c in losses])
        for pair, (wins, losses) in turned_pairs(columns).items()
    } == {("mae", "mlm"): (["stsb"], ["sst2"]), ("mlm", "simcse"): (["sst2"], ["stsb"])}
    winners, turned = winner_tables(columns)
    assert (
        "Of 3 pairs of arms with a decided difference, 2 are decided both ways" in winners.caption
    )
    assert list(turned.frame["arms"]) == ["mae / mlm", "mlm / simcse"]
    by_kind = winners.frame[winners.frame["by"] == "kind"]
    assert list(by_kind["where"]) == ["classify", "regress"]
    assert by_kind["first (decided)"].iloc[0] == "mlm 1 (1)"
    assert "with arms from outside" not in winners.frame
    assert "from outside" not in winners.caption
    assert set(winners.frame["by"]) == {"kind"}, "protocol, labels and noise have one value each"


def test_less_is_better_where_the_metric_says_so():
    (column,) = columns_of({"sst2": GAINS["sst2"]}, metric="perplexity_clean")
    assert column.first == "mae" and column.is_decided
    assert ("mae", "mlm") in column.beaten


def test_noise_alone_decides_nothing():
    rng = np.random.default_rng(1)
    rows = [
        row(arm, 0.5 + rng.normal(0, 0.05), seed, task)
        for task in KINDS
        for arm in ("mlm", "mae", "simcse")
        for seed in SEEDS
    ]
    study = small_study(arms=("mlm", "mae", "simcse"), tasks=tuple(KINDS))
    columns = decided_columns(read_scores(frame(rows), study))
    assert not any(column.beaten or column.is_decided for column in columns)
    (table,) = winner_tables(columns)
    assert "Of 0 pairs" in table.caption


def test_an_arm_from_outside_stands_apart():
    sst2, _ = columns_of(GAINS, outside=[("sst2", 0.9)])
    assert (sst2.first, sst2.first_of_all) == ("mlm", "theirs")
    table = winner_tables(columns_of(GAINS, outside=[("sst2", 0.9)]))[0]
    assert table.frame["with arms from outside"].iloc[0] == "theirs 1"
    assert "Arms from outside" in table.caption


def test_an_arm_from_outside_that_is_never_first_is_not_left_out():
    table = winner_tables(columns_of(GAINS, outside=[("sst2", 0.1), ("stsb", 0.1)]))[0]
    assert table.frame["with arms from outside"].iloc[0] == "mlm 1"


def test_a_study_of_one_column_has_no_such_table():
    assert winner_tables(columns_of({"sst2": GAINS["sst2"]})) == []


def test_the_page_and_the_files_hold_it(tmp_path):
    study = small_study(arms=("mlm", "mae", "simcse"), tasks=tuple(GAINS))
    context = ReportContext(kinds=KINDS)
    page = write_report(frame(rows_of(GAINS)), study, tmp_path / "report", context=context)
    assert "Where the winner changes" in page.read_text()
    saved = pd.read_csv(tmp_path / "report" / "tables" / "winner_columns.csv")
    assert saved["first"].iloc[0] == "mlm"
    assert saved.columns.tolist() == columns_long(columns_of(GAINS)).columns.tolist()
    assert saved["decided"].iloc[0] == "mlm > mae; mlm > simcse; simcse > mae"


def test_few_seeds_decide_nothing():
    seeds = 3
    rows = [line for line in rows_of(GAINS) if line["seed"] < seeds]
    study = small_study(
        arms=("mlm", "mae", "simcse"), tasks=tuple(GAINS), seeds=tuple(range(seeds))
    )
    columns = decided_columns(read_scores(frame(rows), study))
    assert columns[0].first == "mlm"
    assert not any(column.beaten for column in columns)
