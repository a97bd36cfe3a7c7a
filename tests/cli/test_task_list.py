"""`list tasks` beside a local folder that holds what a task reads, and no more."""

import pyarrow
import pyarrow.parquet

from mae_bench.cli.task_list import task_parts


def parts(folder):
    return {part["name"]: part for part in task_parts(folder)}


def write_split(folder, split, count):
    folder.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table({"n": range(count)}), folder / f"{split}.parquet")


def test_a_set_that_has_a_test_alone_is_counted(tmp_path):
    write_split(tmp_path / "sts" / "sts13", "test", 3)
    told = parts(tmp_path)["sts13"]
    assert told["rows"] == {"test": 3}
    assert told["is_at_hand"]


def test_a_task_that_trains_on_another_needs_the_other_set_too(tmp_path):
    write_split(tmp_path / "xquad" / "en", "validation", 4)
    told = parts(tmp_path)
    assert told["xquad/en"]["rows"] == {"validation": 4}
    assert not told["xquad/en"]["is_at_hand"]
    write_split(tmp_path / "subjqa", "train", 2)
    write_split(tmp_path / "subjqa", "validation", 2)
    write_split(tmp_path / "subjqa", "test", 2)
    assert parts(tmp_path)["xquad/en_from_subjqa"]["is_at_hand"]
