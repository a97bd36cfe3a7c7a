"""What `list tasks --json` tells of each task, with data at hand or without."""

import json
import os
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from mae_bench.cli.task_list import task_parts
from mae_bench.data.corpus import CORPORA
from mae_bench.tasks import TASKS

NOT_COUNTED = {"conll2003", "go_emotions", "race", "squad", "squad_v2"}


def by_name(data_dir):
    return {part["name"]: part for part in json.loads(json.dumps(task_parts(data_dir)))}


def check(parts):
    held_out = {f"text/{name}" for name in CORPORA.names()}  # their documents are found by reading
    assert set(parts) == set(TASKS.names()) | held_out
    for name, part in parts.items():
        for key in ("kind", "metrics", "language", "source", "licence", "labels"):
            assert part[key], (name, key)
        assert all(count > 0 for count in part["rows"].values())
        assert part["rows"] or name in NOT_COUNTED | held_out
        assert isinstance(part["is_at_hand"], bool)


def test_every_task_is_told_of_without_data():
    parts = by_name(None)
    check(parts)
    at_hand = {name for name, part in parts.items() if part["is_at_hand"]}
    generated = {name for name in parts if name.startswith("world/")}
    assert at_hand == generated | {"text/world"}


def test_rows_at_hand_are_counted_and_a_test_alone_is_enough(tmp_path):
    for folder, split, count in (("sts/sts13", "test", 3), ("xquad/zh", "validation", 2)):
        (tmp_path / folder).mkdir(parents=True)
        pyarrow.parquet.write_table(
            pyarrow.table({"x": ["a"] * count}), tmp_path / folder / f"{split}.parquet"
        )
    parts = by_name(tmp_path)
    assert parts["sts13"]["rows"] == {"test": 3} and parts["sts13"]["is_at_hand"]
    assert parts["xquad/zh"]["rows"] == {"validation": 2}
    assert not parts["xquad/zh"]["is_at_hand"], "it trains on squad, which is not there"
    assert parts["xquad_passages/zh"]["is_at_hand"]


@pytest.mark.data
def test_every_task_is_told_of_with_real_data():
    check(by_name(Path(os.environ["MAE_BENCH_DATA"])))
