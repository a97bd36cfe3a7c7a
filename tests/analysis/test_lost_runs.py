"""The share of runs that failed or collapsed."""

import pandas as pd
from report_rows import row, table

from mae_bench.analysis.lost_runs import lost_share_table
from mae_bench.results import frame


def test_lost_runs_are_shares_of_those_that_were_run():
    collapsed = [row("mae", 0.2, 5, "sst2", is_collapsed=True, collapse="one class")]
    rows = pd.concat(
        [
            table({"mlm": [0.5] * 6, "mae": [0.5, None, 0.5, 0.5, 0.5]}),
            frame(collapsed),
            table({"mae": [0.5, 0.5]}, "trec"),
        ],
        ignore_index=True,
    )
    shares = lost_share_table(rows)
    (line,) = shares.frame.to_dict("records")
    assert (line["arm"], line["sst2"], line["trec"]) == ("mae", "33% (2 of 6)", "0% (0 of 2)")
    assert not shares.frame.isin([""]).any().any()


def test_there_is_no_table_where_nothing_was_lost():
    assert lost_share_table(table({"mlm": [0.5] * 6})) is None


def test_the_size_of_the_corpus_is_told_only_where_there_are_several():
    def columns(*sizes):
        runs = [row("mae", 0.2, seed, corpus_tokens=size) for seed, size in enumerate(sizes)]
        lost = row("mae", 0.2, 9, corpus_tokens=sizes[0], is_collapsed=True, collapse="one class")
        floor = row("most", 0.1, is_floor=True, objective="majority", protocol="majority")
        return lost_share_table(frame([*runs, lost, floor])).frame

    assert "corpus tokens" not in columns(4_000_000, 4_000_000)
    assert columns(4_000_000, 8_000_000)["corpus tokens"].tolist() == ["4,000,000"]


def test_shares_of_a_budget_are_percents():
    runs = [
        row("mae", 0.2, seed, pretrain_ratio=ratio, is_collapsed=True, collapse="one class")
        for ratio in (0.05, 0.5, 0.25)
        for seed in range(2)
    ]
    assert lost_share_table(frame(runs)).frame["pretrain ratio"].tolist() == ["5%", "50%", "25%"]
