"""Metrics of other packages that decide nothing: shown beside the scores; ours are in the rows."""

import pandas as pd
import pytest
from registries import set_apart
from report_rows import row, small_study

from mae_bench.analysis.report import write_report
from mae_bench.measures import declare
from mae_bench.results import frame

SEEDS = range(6)


@pytest.fixture
def theirs(monkeypatch):
    set_apart(monkeypatch)
    declare("their_*", better="lower", unit="mistakes", digits=2)


def rows(metric, value):
    primary = [row(arm, 0.5, seed) for arm in ("mlm", "mae") for seed in SEEDS]
    others = [
        row("mlm", value + seed / 50, seed, metric=metric, is_primary=False) for seed in SEEDS
    ]
    failed = [row("mae", None, 5)]
    return frame([*primary[:-1], *failed, *others])


def test_a_secondary_metric_of_another_package_is_on_the_page(theirs, tmp_path):
    page = write_report(rows("their_mistakes", 3.0), small_study(), tmp_path / "report")
    (path,) = (page.parent / "tables").glob("secondary-*.csv")
    table = pd.read_csv(path).set_index("arm")
    (column,) = table.columns
    assert column.startswith("sst2 (their_mistakes")
    assert table.loc["mlm", column].startswith("3.05")  # the mean of 3.00 to 3.10
    assert "failed" in table.loc["mae", column]
    html = page.read_text()
    assert "Secondary metrics of other packages" in html and "their_mistakes" in html


def test_our_own_secondary_metrics_move_no_page(theirs, tmp_path):
    page = write_report(rows("f1", 0.4), small_study(), tmp_path / "report")
    assert not list((page.parent / "tables").glob("secondary-*"))
    assert "Secondary metrics" not in page.read_text()
