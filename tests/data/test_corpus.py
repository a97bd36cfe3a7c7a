"""Corpora: files of users, duplicates, the split, the order, and what bad text says."""

import json
from itertools import islice

import pyarrow
import pyarrow.parquet
import pytest

from mae_bench.data.corpus import CORPORA, corpus_fingerprint
from mae_bench.data.documents import load_documents
from mae_bench.errors import DataError, SpecError, UnknownNameError
from mae_bench.specs import CorpusSpec

TEXTS = [f"Document number {i} speaks of the {i}th thing in {i * i} words." for i in range(200)]


def spec_of(*paths, **fields):
    return CorpusSpec(sources=tuple(str(path) for path in paths), **fields)


def parts(spec):
    documents = load_documents(spec, None)
    return list(documents.train()), documents.validation


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.txt").write_text("\n\n".join(TEXTS[:80]), encoding="utf-8")
    lines = [json.dumps({"text": text, "other": 1}) for text in TEXTS[80:150]]
    (tmp_path / "deep/b.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = pyarrow.table({"text": TEXTS[150:]})
    pyarrow.parquet.write_table(table, tmp_path / "deep/c.parquet")
    (tmp_path / "readme.md").write_text("not a part of the corpus")
    return tmp_path


def test_a_folder_gives_the_documents_of_every_kind_of_file(folder):
    train, validation = parts(spec_of(folder))
    assert sorted(train + validation) == sorted(TEXTS)


def test_no_document_is_in_both_parts(folder):
    train, validation = parts(spec_of(folder, validation_ratio=0.3))
    assert not set(train) & set(validation)
    assert 30 <= len(validation) <= 90


def test_duplicates_are_dropped_and_counted(tmp_path):
    (tmp_path / "a.txt").write_text("\n\n".join(TEXTS + TEXTS[:7]), encoding="utf-8")
    documents = load_documents(spec_of(tmp_path), None)
    assert documents.num_duplicates == 7
    assert len(list(documents.train())) + len(documents.validation) == 200


def test_the_order_depends_on_the_seed_alone(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "all.txt"
    other.write_text("\n\n".join(reversed(TEXTS)), encoding="utf-8")
    assert parts(spec_of(folder)) == parts(spec_of(other)) == parts(spec_of(other, tokens=5))
    assert parts(spec_of(folder))[0] != parts(spec_of(folder, seed=1))[0]


def test_the_split_does_not_depend_on_the_seed(folder):
    one, two = (parts(spec_of(folder, seed=seed)) for seed in (0, 1))
    assert set(one[1]) == set(two[1])


def test_two_documents_are_enough_for_a_validation_part(tmp_path):
    (tmp_path / "a.txt").write_text("first text\n\nsecond text", encoding="utf-8")
    train, validation = parts(spec_of(tmp_path))
    assert len(train) == len(validation) == 1


def test_one_document_is_trained_on(tmp_path):
    (tmp_path / "a.txt").write_text("the only text", encoding="utf-8")
    assert parts(spec_of(tmp_path)) == (["the only text"], [])


def test_a_byte_order_mark_and_windows_lines_are_read(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffeins\r\n\r\nzwei".encode())
    assert sorted(text for part in parts(spec_of(tmp_path)) for text in part) == ["eins", "zwei"]


def test_text_that_is_not_utf8_names_the_byte(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes(b"caf" + b"\xe9 au lait")
    with pytest.raises(DataError, match=r"latin\.txt is not UTF-8: byte 0xe9 at offset 3"):
        parts(spec_of(path))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_text_in_utf16_is_said_to_be_so(tmp_path, encoding):
    path = tmp_path / "wide.txt"
    path.write_bytes("\ufeffwide".encode(encoding))
    with pytest.raises(DataError, match=r"wide\.txt is in UTF-16, .* convert the file to UTF-8"):
        parts(spec_of(path))


def test_an_empty_corpus_is_an_error(tmp_path):
    (tmp_path / "a.txt").write_text(" \n\n \n")
    with pytest.raises(DataError, match="is empty: it holds no text"):
        parts(spec_of(tmp_path))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"body": "x"}', r"line 2 of .*a\.jsonl has no field 'text', got body"),
        ("[1, 2]", r"line 2 of .*has no field 'text', got list"),
        ('{"text": 3}', r"'text' in line 2 of .* must be text, got 3 \(int\)"),
        ("{nope", r"line 2 of .*a\.jsonl is not JSON"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, message):
    (tmp_path / "a.jsonl").write_text('{"text": "good"}\n' + line)
    with pytest.raises(DataError, match=message):
        parts(spec_of(tmp_path))


def test_a_parquet_file_without_text_names_its_columns(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"body": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="no column 'text'; its columns are body"):
        parts(spec_of(tmp_path))


def test_an_unknown_source_gets_the_nearest_corpus():
    with pytest.raises(UnknownNameError) as caught:
        corpus_fingerprint(spec_of("wiki_ne"), None)
    assert "'wiki_ne' is neither a corpus nor an existing file or folder" in str(caught.value)
    assert "novels_en" in str(caught.value)
    assert "Did you mean 'wiki_en'?" in str(caught.value)


def test_a_file_of_another_kind_says_which_are_read(tmp_path):
    (tmp_path / "a.csv").write_text("text")
    with pytest.raises(
        DataError, match=r"ending is '\.csv', allowed are \.txt, \.jsonl, \.parquet"
    ):
        corpus_fingerprint(spec_of(tmp_path / "a.csv"), None)


def test_a_folder_without_text_says_so(tmp_path):
    with pytest.raises(DataError, match="holds no text: no file ends in"):
        corpus_fingerprint(spec_of(tmp_path), None)


def test_the_fingerprint_follows_the_content_of_files(folder, tmp_path_factory):
    copy = tmp_path_factory.mktemp("copy")
    for file in ("a.txt", "deep/b.jsonl", "deep/c.parquet"):
        (copy / file.replace("/", "_")).write_bytes((folder / file).read_bytes())
    before = corpus_fingerprint(spec_of(folder), None)
    assert corpus_fingerprint(spec_of(copy), None) == before
    (folder / "a.txt").write_text("another text")
    assert corpus_fingerprint(spec_of(folder), None) != before


@pytest.mark.parametrize("name", CORPORA.names())
def test_the_fingerprint_of_a_corpus_needs_neither_data_nor_network(name):
    assert corpus_fingerprint(CorpusSpec(sources=(name,)), None)


def test_the_world_has_no_end_and_its_validation_is_apart():
    documents = load_documents(CorpusSpec(), None)
    first = list(islice(documents.train(), 600))
    assert first == list(islice(documents.train(), 600))
    assert len(set(first)) == 600
    assert documents.validation
    assert not set(first) & set(documents.validation)


def test_the_world_of_another_seed_is_another_text():
    one, two = (load_documents(CorpusSpec(seed=seed), None) for seed in (0, 1))
    assert not set(islice(one.train(), 100)) & set(islice(two.train(), 100))
    assert one.validation == two.validation


def test_the_world_cannot_be_mixed(tmp_path):
    with pytest.raises(SpecError, match=r"'world' is endless.*\['world', 'wiki_en'\]"):
        load_documents(CorpusSpec(sources=("world", "wiki_en")), None)


def test_wikitext_lines_become_articles(tmp_path):
    lines = [
        "",
        " = One = \n",
        "",
        " first \n",
        " = = Part = = \n",
        " more \n",
        " = Two = \n",
        " x \n",
    ]
    path = tmp_path / "wikitext2_raw/train.parquet"
    path.parent.mkdir()
    pyarrow.parquet.write_table(pyarrow.table({"text": lines}), path)
    documents = load_documents(CorpusSpec(sources=("wikitext2_raw",)), tmp_path)
    texts = sorted([*documents.train(), *documents.validation])
    assert texts == ["= One = \n first \n = = Part = = \n more", "= Two = \n x"]


def test_breaks_of_reviews_become_lines(tmp_path):
    path = tmp_path / "imdb/unsupervised/train.parquet"
    path.parent.mkdir(parents=True)
    pyarrow.parquet.write_table(pyarrow.table({"text": ["good.<br /><br />bad."]}), path)
    documents = load_documents(CorpusSpec(sources=("imdb/unsupervised",)), tmp_path)
    assert list(documents.train()) == ["good.\n\nbad."]
