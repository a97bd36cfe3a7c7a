"""Folders as people have them: each file once, or named with why it is left out."""

import bz2
import gzip
import lzma
import os

import pyarrow
import pyarrow.parquet
import pytest

from mae_bench.data.corpus import corpus_fingerprint, left_out
from mae_bench.data.documents import load_documents
from mae_bench.data.listing import list_texts
from mae_bench.errors import DataError
from mae_bench.specs import CorpusSpec

TEXTS = [f"Document number {i} speaks of the {i}th thing in {i * i} words." for i in range(300)]


def read(path):
    """Return every document of a path, sorted."""
    documents = load_documents(CorpusSpec(sources=(str(path),)), None)
    return sorted([*documents.train(), *documents.validation])


def table(path, values, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table({"text": values, **columns}), path)


def names(path):
    return [str(file.path.relative_to(path)) for file in list_texts(path).files]


def test_a_folder_of_parts_is_read_from_itself_and_from_above(tmp_path):
    spark = tmp_path / "texts/wiki.parquet"
    table(spark / "year=2020/part-00000.snappy.parquet", TEXTS[:150])
    table(spark / "part-00001", TEXTS[150:])  # no ending: the folder's
    for mark in ("_SUCCESS", "._SUCCESS.crc", ".part-00001.crc"):
        (spark / mark).write_text("")
    assert read(spark) == read(tmp_path / "texts") == sorted(TEXTS)
    assert list_texts(tmp_path).skipped == ()


def test_a_folder_may_have_the_ending_of_a_file(tmp_path):
    (tmp_path / "2020.txt").mkdir()
    (tmp_path / "2020.txt/jan.txt").write_text("\n\n".join(TEXTS))
    assert read(tmp_path) == sorted(TEXTS)


def test_what_is_left_out_is_named_and_marks_of_programs_are_not(tmp_path):
    (tmp_path / "a.txt").write_text("\n\n".join(TEXTS))
    (tmp_path / ".#a.txt").symlink_to("me@host.123")
    (tmp_path / "gone.txt").symlink_to("nowhere")
    for name in ("a.txt~", "b.csv", ".hidden.txt", ".DS_Store", "_SUCCESS", "old.zip"):
        (tmp_path / name).write_text("another text of some words")
    for name in (".ipynb_checkpoints", "__MACOSX", "_temporary"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("a checkpoint of some words")
    os.mkfifo(tmp_path / "pipe.txt")  # reading it would never end
    assert names(tmp_path) == ["a.txt"]
    assert list_texts(tmp_path).skipped == (
        ".#a.txt (a link to nothing)",
        ".hidden.txt (hidden)",
        "_temporary (an unfinished result)",
        "a.txt~ (a backup)",
        "b.csv (its ending)",
        "gone.txt (a link to nothing)",
        "old.zip (its ending)",
        "pipe.txt (no file)",
    )
    (sentence,) = left_out(CorpusSpec(sources=(str(tmp_path),)))
    assert "1 file is read and 8 are not: .#a.txt (a link to nothing)" in sentence
    assert sentence.endswith("and 3 more")


def test_links_are_followed_once(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a.txt").write_text("\n\n".join(TEXTS[:200]))
    top = tmp_path / "top"
    (top / "deep").mkdir(parents=True)
    (top / "deep/b.txt").write_text("\n\n".join(TEXTS[200:]))
    (top / "linked").symlink_to(tmp_path / "outside")
    (top / "again").symlink_to(tmp_path / "outside")
    (top / "twice.txt").symlink_to(tmp_path / "outside/a.txt")
    (top / "deep/circle").symlink_to(top)
    assert len(names(top)) == 2
    documents = load_documents(CorpusSpec(sources=(str(top),)), None)
    assert documents.num_duplicates == 0
    assert read(top) == sorted(TEXTS)


@pytest.mark.parametrize("kind", ["txt", "jsonl", "parquet"])
@pytest.mark.parametrize("packed", ["gz", "bz2", "xz", "zst"])
def test_compressed_text_is_read(tmp_path, kind, packed):
    plain = tmp_path / f"a.{kind}"
    if kind == "parquet":
        table(plain, TEXTS)
    elif kind == "txt":
        plain.write_text("\n\n".join(TEXTS))
    else:
        plain.write_text("\n".join(f'{{"text": "{text}"}}' for text in TEXTS))
    data = plain.read_bytes()
    pack = {
        "gz": gzip.compress,
        "bz2": bz2.compress,
        "xz": lzma.compress,
        "zst": lambda data: pyarrow.compress(data, "zstd", asbytes=True),
    }[packed]
    path = tmp_path / f"a.{kind}.{packed.upper()}"
    path.write_bytes(pack(data))
    assert read(path) == sorted(TEXTS)
    path.write_bytes(pack(data)[:-20])
    with pytest.raises(DataError, match=rf"a\.{kind}\.{packed.upper()} cannot be read as"):
        read(path)


def test_an_archive_is_no_text(tmp_path):
    path = tmp_path / "a.tar.gz"
    path.write_bytes(b"")
    with pytest.raises(DataError, match=r"its ending is '\.gz', allowed are \.txt"):
        list_texts(path)


@pytest.mark.parametrize(
    "kind",
    [
        pyarrow.string(),
        pyarrow.large_string(),
        pyarrow.string_view(),
        pyarrow.binary(),
        pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
    ],
    ids=str,
)
def test_parts_may_store_text_in_any_way(tmp_path, kind):
    other = pyarrow.array(TEXTS[150:])
    if kind == pyarrow.string_view():
        try:
            table(tmp_path / "b.parquet", other.cast(kind))
        except pyarrow.ArrowException:
            pytest.skip("this pyarrow does not write it")
    elif pyarrow.types.is_dictionary(kind):
        other = other.dictionary_encode()
    else:
        other = other.cast(kind)
    table(tmp_path / "a.parquet", TEXTS[:150], url=["u"] * 150)
    table(tmp_path / "b.parquet", other)
    table(tmp_path / "c.parquet", pyarrow.nulls(0))
    assert read(tmp_path) == sorted(TEXTS)


def test_how_a_file_is_cut_is_in_the_id(tmp_path):
    line = '{"text": "the same bytes as a line and as a text"}\n'
    for name in ("a.txt", "a.jsonl"):
        (tmp_path / name).write_text(line)
    one, two = (
        corpus_fingerprint(CorpusSpec(sources=(str(tmp_path / name),)), None)
        for name in ("a.txt", "a.jsonl")
    )
    assert one != two


def broken(bad):
    """Return a column whose second text holds bytes that are not UTF-8."""
    sizes = pyarrow.array([0, 4, 4 + len(bad)], pyarrow.int32()).buffers()[1]
    return pyarrow.StringArray.from_buffers(2, sizes, pyarrow.py_buffer(b"good" + bad))


def test_a_row_that_is_not_utf8_is_named_with_its_file(tmp_path):
    table(tmp_path / "a.parquet", TEXTS)
    table(tmp_path / "b.parquet", broken(b"oh \xed\xa0\xbd"))  # half of an emoji, as UTF-16 has it
    with pytest.raises(
        DataError, match=r"'text' in row 1 of .*b\.parquet is not UTF-8: byte 0xed at offset 3"
    ):
        read(tmp_path)


def test_half_of_a_character_is_named_with_its_line(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "good"}\n{"text": "oh \\ud83d"}\n')
    with pytest.raises(DataError, match=r"line 2 of .*a\.jsonl holds half of a character: .*ud83d"):
        read(tmp_path)
    (tmp_path / "a.jsonl").write_text('{"text": "whole \\ud83d\\ude00"}\n{"text": "b"}\n')
    assert read(tmp_path) == ["b", "whole \U0001f600"]


def test_a_line_nested_too_deep_is_no_traceback(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": ' + "[" * 100_000)
    with pytest.raises(DataError, match=r"line 1 of .* is not JSON"):
        read(tmp_path)
