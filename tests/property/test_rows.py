"""Rows survive parquet, and whatever they hold the scores stay honest."""

import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_rows import row, small_study

from mae_bench.analysis.rows import read_scores
from mae_bench.errors import DataError
from mae_bench.results import COLUMNS, ROWS_FILE, Row, frame, load_rows, save_rows

COUNTS = {"corpus_tokens", "n_train"}  # beside gaps pandas holds them as floats
finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
text = st.text(st.characters(codec="utf-8"), max_size=20)
columns = {
    "study": text,
    "arm": text,
    "objective": text,
    "is_floor": st.booleans(),
    "corpus_tokens": st.none() | st.integers(0, 2**62),
    "pretrain_ratio": st.none() | st.floats(0, 1, exclude_max=True),
    "protocol": text,
    "task": text,
    "metric": text,
    "is_primary": st.booleans(),
    "train_size": st.just("all") | st.integers(2, 2**40) | st.floats(1e-12, 1 - 1e-12),
    "n_train": st.none() | st.integers(0, 2**40),
    "noise": st.just("clean") | st.just("typos"),
    "noise_where": st.sampled_from(["test", "train", "both"]),
    "seed": st.integers(0, 2**62),
    "is_collapsed": st.booleans(),
    "pretrain_flops": st.none() | finite,
    "pretrain_id": st.none() | text,
}
rows = st.builds(Row, value=finite, **columns) | st.builds(Row, failure=text, **columns)


@settings(max_examples=40, deadline=None)
@given(st.lists(rows, min_size=1, max_size=6))
def test_rows_survive_parquet(tmp_path_factory, saved_rows):
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    save_rows(frame(saved_rows), path)
    table = load_rows(path)
    assert list(table.columns) == COLUMNS
    for before, after in zip(saved_rows, table.to_dict("records"), strict=True):
        for name, value in before.model_dump().items():
            other = None if pd.isna(after[name]) else after[name]
            # pandas holds counts beside gaps as floats; exact up to 2**53
            is_close = isinstance(value, int) and math.isclose(value, other, rel_tol=2**-52)
            assert other == value or is_close, name
        read = {name: value for name, value in after.items() if not pd.isna(value)}
        again = Row(**read | {name: int(read[name]) for name in COUNTS & read.keys()})
        assert (again.train_size, again.noise_spec) == (before.train_size, before.noise_spec)
        assert type(again.train_size) is type(before.train_size)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"metrik": "accuracy"}, r"unknown key 'metrik'; .*Did you mean 'metric'\?"),
        ({"failure": "nan"}, r"value and failure exclude each other, got 0.5 and 'nan'"),
        ({"value": None}, r"value or failure must be given"),
        ({"value": float("nan")}, r"value must be a number or null, got nan"),
        ({"seed": "0"}, r"seed must be a whole number, got '0'"),
        (
            {"train_size": "some"},
            r"train_size must be a count, a share below 1, such as '16/class', or 'all'",
        ),
        ({"noise_where": "here"}, r"noise_where must be 'test' or 'train' or 'both', got 'here'"),
    ],
)
def test_what_is_no_row_is_refused(changes, sentence):
    with pytest.raises(DataError, match=sentence):
        frame([row("mlm", 0.5) | changes])
    assert len(frame([row("mlm", 0.5), row("mlm", None)])) == 2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=8))
def test_a_mean_is_of_the_values_alone(values):
    rows = frame([row("mlm", value, seed) for seed, value in enumerate(values)])
    scores = read_scores(rows, small_study(seeds=tuple(range(len(values)))))
    cell = scores.cells["mlm", "sst2", scores.reference]
    kept = [value for value in values if value is not None]
    assert cell.num_failed == len(values) - len(kept)
    assert cell.n == len(kept)
    if kept:
        assert math.isclose(cell.mean, sum(kept) / len(kept), abs_tol=1e-12)
    else:
        assert math.isnan(cell.mean)


def test_two_that_end_at_once_write_whole_rows(tmp_path, monkeypatch):
    """The other's write comes between this one's and its rename."""
    table, path, write = frame([row("mlm", 0.5)]), tmp_path / ROWS_FILE, pd.DataFrame.to_parquet

    def and_the_other(self, *args, **given):
        write(self, *args, **given)
        monkeypatch.setattr(pd.DataFrame, "to_parquet", write)
        save_rows(frame([row("mae", 0.7), row("mlm", 0.5)]), path)

    monkeypatch.setattr(pd.DataFrame, "to_parquet", and_the_other)
    save_rows(table, path)
    assert load_rows(path)["arm"].tolist() == ["mlm"]
    assert [each.name for each in tmp_path.iterdir()] == [ROWS_FILE]
