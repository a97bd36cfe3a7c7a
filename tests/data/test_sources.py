"""Where data is read from: the local folder, what identifies it, and what an absence says."""

from dataclasses import replace

import pyarrow
import pyarrow.parquet
import pytest

from mae_bench.data.corpus import CORPORA
from mae_bench.data.digests import file_digest
from mae_bench.data.sources import Source, data_dir, fingerprint, read_split
from mae_bench.errors import DataError
from mae_bench.tasks import TASKS

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SOURCE = Source(
    hub_id="nobody/nothing",
    revision=COMMIT,
    folder="toy",
    licence="none",
    splits={"train": "train", "test": "test"},
)


def write(path, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


def test_a_local_split_is_read(tmp_path):
    write(tmp_path / "toy/train.parquet", text=["a", "b"])
    assert read_split(SOURCE, "train", tmp_path, texts=("text",))["text"] == ["a", "b"]


def test_parts_are_joined_in_their_order(tmp_path):
    source = Source("", "", "big", "none", {"train": "train"}, parts=("one", "two"))
    write(tmp_path / "big/two/train.parquet", text=["b"])
    write(tmp_path / "big/one/train.parquet", text=["a"])
    assert read_split(source, "train", tmp_path, texts=("text",))["text"] == ["a", "b"]


def test_a_missing_part_is_named(tmp_path):
    source = Source("", "", "big", "none", {"train": "train"}, parts=("one", "two"))
    write(tmp_path / "big/one/train.parquet", text=["a"])
    with pytest.raises(DataError, match=r"incomplete.*two.train\.parquet is missing"):
        read_split(source, "train", tmp_path, texts=("text",))


def test_a_local_set_is_never_completed_from_the_hub(tmp_path):
    write(tmp_path / "toy/train.parquet", text=["a"])
    with pytest.raises(DataError, match=r"test\.parquet is missing"):
        read_split(SOURCE, "test", tmp_path, texts=("text",))


def test_absent_data_names_every_source_tried_and_what_to_do(tmp_path):
    with pytest.raises(DataError) as caught:
        read_split(SOURCE, "train", tmp_path, texts=("text",))
    message = str(caught.value)
    for part in ("toy", str(tmp_path), "nobody/nothing", COMMIT[:12], "--data-dir", "prepare"):
        assert part in message


def test_a_set_outside_the_hub_does_not_ask_for_network():
    source = Source("", "", "only_here", "none", {"train": "train"})
    with pytest.raises(DataError) as caught:
        read_split(source, "train", None, texts=("text",))
    assert "no local data folder was given" in str(caught.value)
    assert "prepare" not in str(caught.value)


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "toy/train.parquet"
    path.parent.mkdir()
    path.write_bytes(b"not parquet")
    with pytest.raises(DataError, match=r"train\.parquet cannot be read as parquet"):
        read_split(SOURCE, "train", tmp_path, texts=("text",))


def test_the_fingerprint_follows_content_not_folder(tmp_path):
    for folder in ("one", "two", "other"):
        text = ["c"] if folder == "other" else ["a"]
        write(tmp_path / folder / "toy/train.parquet", text=text)
    one, two, other = (fingerprint(SOURCE, tmp_path / name) for name in ("one", "two", "other"))
    assert one == two != other


def test_the_fingerprint_holds_splits_that_are_read_though_unlisted(tmp_path):
    source = replace(SOURCE, splits={"train": "train"})
    write(tmp_path / "toy/train.parquet", text=["a"])
    write(tmp_path / "toy/test.parquet", label=[0, 1])
    before = fingerprint(source, tmp_path, also=["test"])
    write(tmp_path / "toy/test.parquet", label=[1, 1])
    assert fingerprint(source, tmp_path, also=["test"]) != before


@pytest.mark.parametrize(
    "change",
    [
        {"config": "other"},
        {"hub_files": {"train": "one.parquet"}},
        {"hub_fields": {"body": "text"}},
        {"splits": {"train": "unsupervised", "test": "test"}},
    ],
)
def test_the_fingerprint_of_the_hub_says_which_part_is_read(change):
    assert fingerprint(replace(SOURCE, **change), None) != fingerprint(SOURCE, None)


def test_a_folder_of_parts_stands_for_a_split(tmp_path):
    folder = tmp_path / "toy/train.parquet"
    write(folder / "year=2020/part-00000.parquet", text=["a"], label=[0])
    write(folder / "year=2021/part-00000.parquet", label=[1], extra=["x"], text=["b"])
    for mark in ("_SUCCESS", ".part-00000.crc"):
        (folder / mark).write_text("")
    columns = read_split(SOURCE, "train", tmp_path, texts=("text",), others=("label",))
    assert columns == {"text": ["a", "b"], "label": [0, 1]}
    before = fingerprint(SOURCE, tmp_path)
    write(folder / "year=2021/part-00000.parquet", label=[0], text=["b"])
    assert fingerprint(SOURCE, tmp_path) != before


def test_a_folder_without_parts_is_one_sentence(tmp_path):
    (tmp_path / "toy/train.parquet").mkdir(parents=True)
    with pytest.raises(DataError, match=r"train\.parquet' holds no text"):
        fingerprint(SOURCE, tmp_path)


def test_the_fingerprint_of_absent_data_is_the_pinned_revision(tmp_path):
    expected = f"hub:nobody/nothing@{COMMIT}"
    assert fingerprint(SOURCE, None) == fingerprint(SOURCE, tmp_path) == expected


def test_a_changed_file_has_another_digest(tmp_path):
    path = tmp_path / "file"
    path.write_text("one")
    before = file_digest(path)
    path.write_text("three")
    assert file_digest(path) != before


def test_the_data_folder_given_wins_over_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("MAE_BENCH_DATA", str(tmp_path))
    assert data_dir(None) == tmp_path
    (tmp_path / "given").mkdir()
    assert data_dir(tmp_path / "given") == tmp_path / "given"
    monkeypatch.delenv("MAE_BENCH_DATA")
    assert data_dir(None) is None


def test_a_missing_data_folder_is_named(tmp_path, monkeypatch):
    with pytest.raises(
        DataError, match=r"--data-dir must name an existing folder, got '.*nowhere'"
    ):
        data_dir(tmp_path / "nowhere")
    monkeypatch.setenv("MAE_BENCH_DATA", str(tmp_path / "gone"))
    with pytest.raises(DataError, match=r"MAE_BENCH_DATA must name an existing folder.*gone"):
        data_dir(None)


SOURCES = [
    pytest.param(part.source, id=name)
    for registry in (CORPORA, TASKS)
    for name, part in registry
    if part.source is not None
]


@pytest.mark.parametrize("source", SOURCES)
def test_every_hub_source_is_pinned_or_says_why_not(source):
    if not source.hub_id:
        assert not source.revision
    elif source.revision in ("main", "refs/convert/parquet"):
        assert "not pinned" in source.note
    else:
        assert len(source.revision) == 40
        assert set(source.revision) <= set("0123456789abcdef")
    assert source.licence
    assert set(source.hub_files) <= set(source.splits)
