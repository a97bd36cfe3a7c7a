"""Rows survive parquet, and whatever they hold the scores stay honest."""

import math

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from report_rows import row, small_study

from mae_bench.analysis.scores import read_scores
from mae_bench.results import COLUMNS, Row, frame, load_rows, save_rows

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
text = st.text(st.characters(codec="utf-8"), max_size=20)
rows = st.builds(
    Row,
    study=text,
    arm=text,
    objective=text,
    is_floor=st.booleans(),
    corpus_tokens=st.none() | st.integers(0, 2**62),
    protocol=text,
    task=text,
    metric=text,
    is_primary=st.booleans(),
    train_size=text,
    n_train=st.none() | st.integers(0, 2**40),
    seed=st.integers(0, 2**62),
    value=st.none() | finite,
    failure=st.none() | text,
    is_collapsed=st.booleans(),
    pretrain_flops=st.none() | finite,
    pretrain_id=st.none() | text,
)


@settings(max_examples=40, deadline=None)
@given(st.lists(rows, min_size=1, max_size=6))
def test_rows_survive_parquet(tmp_path_factory, found):
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    save_rows(frame([found_row.model_dump() for found_row in found]), path)
    table = load_rows(path)
    assert list(table.columns) == COLUMNS
    for before, after in zip(found, table.to_dict("records"), strict=True):
        for name, value in before.model_dump().items():
            other = None if pd.isna(after[name]) else after[name]
            # pandas holds counts beside gaps as floats; exact up to 2**53
            is_close = isinstance(value, int) and math.isclose(value, other, rel_tol=2**-52)
            assert other == value or is_close, name


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
