"""Files that people have, as tasks: each is read right, or refused in one sentence."""

import gzip
import json
import shutil

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from mae_bench.errors import DataError, SpecError
from mae_bench.progress import silent
from mae_bench.specs import OwnTask, Study
from mae_bench.tasks import build_task, kind_of, load_task, task_fingerprint
from mae_bench.tasks.own import own_summary, own_task, own_warnings

WORDS = [f"a text about number {number}" for number in range(40)]


def rows(count=40, labels=("cat", "dog")):
    return [(WORDS[i], labels[i % len(labels)]) for i in range(count)]


def csv_text(records, header="body,topic", separator=","):
    lines = [separator.join(f'"{field}"' for field in record) for record in records]
    return "\n".join([header, *lines]) + "\n"


def write(folder, content, name="tickets.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def spec(path, **fields):
    given = {"name": "tickets", "kind": "classify", "text": ("body",), "label": "topic"}
    given |= {} if "train" in fields else {"data": str(path)}
    return OwnTask(**(given | fields))


def labelled(path, out, **fields):
    """Return the task, and each text with the name of its label."""
    task = own_task(spec(path, **fields))
    kind_of(task).check()
    build_task(task, out, None, silent)
    data = load_task(out)
    got = {}
    for part in (data.train, data.selection, data.test):
        for *texts, label in zip(*part.texts, part.labels.tolist(), strict=True):
            named = task.label_names[label] if task.label_names else label
            got[texts[0] if len(texts) == 1 else tuple(texts)] = named
    return task, got


def meta(out):
    return json.loads((out / "meta.json").read_text(encoding="utf-8"))


def refused(path, **fields):
    with pytest.raises((DataError, SpecError)) as caught:
        own_task(spec(path, **fields))
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def warned(path, **fields):
    study = Study(
        name="mine",
        objectives=[{"objective": "mlm", "label": "mlm"}],
        tasks=["tickets"],
        own_tasks=[spec(path, **fields)],
    )
    return own_warnings(study)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_line_ends_and_a_byte_order_mark(tmp_path, separator, end):
    text = csv_text(rows(), f"id{separator}body{separator}topic", separator)
    text = text.replace('\n"a', f'\n"7"{separator}"a').replace("\n", end)
    task, got = labelled(write(tmp_path, b"\xef\xbb\xbf" + text.encode()), tmp_path / "out")
    assert got == dict(rows())
    assert task.label_names == ("cat", "dog") and task.metrics == ("accuracy", "f1")


def test_what_a_reader_of_tables_would_spoil_stays_text(tmp_path):
    odd = ["NA", "null", "None", "nan", "", "001", "1e3", "TRUE", 'say ""hi""', "two\nlines", "a,b"]
    records = [(text, f"00{i % 2 + 1}") for i, text in enumerate([*odd, *WORDS])]
    task, got = labelled(write(tmp_path, csv_text(records)), tmp_path / "out")
    assert task.label_names == ("001", "002")
    wanted = [text.replace('""', '"') for text in odd if text]
    assert {text: got[text] for text in wanted} == {
        text.replace('""', '"'): label for text, label in records[: len(odd)] if text
    }
    assert meta(tmp_path / "out")["skipped"] == {"without text": 1}


@pytest.mark.parametrize("name", ["t.jsonl", "t.parquet", "t.csv.gz", "t.jsonl.gz", "t.tsv"])
def test_every_form_gives_the_same_rows(tmp_path, name):
    lines = "".join(json.dumps({"body": a, "topic": b, "more": []}) + "\n" for a, b in rows())
    table = pyarrow.table(
        {
            "body": pyarrow.array([a for a, _ in rows()], pyarrow.large_string()),
            "topic": pyarrow.array([b for _, b in rows()]).dictionary_encode(),
        }
    )
    path = tmp_path / name
    if name.endswith(".parquet"):
        pyarrow.parquet.write_table(table, path)
    else:
        text = lines if ".jsonl" in name else csv_text(rows())
        if ".tsv" in name:
            text = csv_text(rows(), "body\ttopic", "\t")
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    assert labelled(path, tmp_path / "out")[1] == dict(rows())


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([True, False], ("false", "true")),
        ([3, 11], ("3", "11")),
        ([2.0, 1.0], ("1", "2")),
        ([" ham", "spam "], ("ham", "spam")),
        ([1, "one"], ("1", "one")),
    ],
)
def test_labels_are_named_as_they_are_written(tmp_path, labels, names):
    lines = [json.dumps({"body": a, "topic": b}) for a, b in rows(labels=labels)]
    path = write(tmp_path, "\n".join(lines), "t.jsonl")
    task, got = labelled(path, tmp_path / "out")
    assert task.label_names == names
    assert got[WORDS[0]] == str(labels[0]).lower().strip().removesuffix(".0")


def test_an_order_of_classes_can_be_given(tmp_path):
    path = write(tmp_path, csv_text(rows()))
    task, got = labelled(path, tmp_path / "out", classes=("dog", "cat"))
    assert task.label_names == ("dog", "cat") and got == dict(rows())
    assert "label 'dog' in line" in refused(path, classes=("cat", "cow"))


def test_missing_labels_are_left_out_and_counted(tmp_path):
    lines = [json.dumps({"body": a, "topic": b}) for a, b in rows()]
    lines += ['{"body": "x"}', '{"body": "y", "topic": null}', '{"body": "z", "topic": NaN}', ""]
    lines += ['{"body": " ", "topic": "cat"}']
    path = write(tmp_path, "\n".join(lines), "t.jsonl")
    assert labelled(path, tmp_path / "out")[1] == dict(rows())
    assert meta(tmp_path / "out")["skipped"] == {"without a label": 3, "without text": 1}
    assert "task 'tickets': 3 rows without a label left out" in warned(path)


def test_texts_with_two_labels_are_counted_and_named(tmp_path):
    again = [(WORDS[0], "cat"), (WORDS[1], "cat")]
    path = write(tmp_path, csv_text([*rows(), *again, ("alone", "cow")]))
    twice, differ, once, *_ = warned(path)
    assert "2 texts occur more than once" in twice
    assert "1 text occurs with different labels, such as 'dog' in line 3 of" in differ
    assert "'cat' in line 43 of" in differ
    assert "cow" in once


def test_classes_that_train_lacks_are_named(tmp_path):
    train = write(tmp_path, csv_text(rows()), "a.csv")
    test = write(tmp_path, csv_text([("one", "cow"), ("two", "cat")]), "b.csv")
    got = warned(None, train=str(train), test=str(test))
    assert any("1 class of test never occurs in train (cow)" in text for text in got)


def test_a_column_says_the_part(tmp_path):
    parts = ["train"] * 6 + ["Dev", "TEST"]
    records = [(a, b, parts[i % 8]) for i, (a, b) in enumerate(rows())]
    path = write(tmp_path, csv_text(records, "body,topic,part"))
    task, _ = labelled(path, tmp_path / "out", split="part")
    assert task.selection_split == "selection"
    assert meta(tmp_path / "out")["rows"] == {"train": 30, "selection": 5, "test": 5}
    records[3] = (*records[3][:2], "later")
    write(tmp_path, csv_text(records, "body,topic,part"))
    assert "'part' in line 5 of" in refused(path, split="part")


def test_each_part_is_a_file_or_a_folder_of_files(tmp_path):
    given = {"train": 24, "test": 9, "validation": 7}
    start = 0
    for part, count in given.items():
        write(tmp_path, csv_text(rows()[start : start + count]), f"{part}.csv")
        start += count
    wanted = {"train": 24, "selection": 7, "test": 9}
    write(tmp_path, "not data", "README.md")
    folder_task, _ = labelled(tmp_path, tmp_path / "one")
    assert meta(tmp_path / "one")["rows"] == wanted
    files = {
        "train": str(tmp_path / "train.csv"),
        "test": str(tmp_path / "test.csv"),
        "selection": str(tmp_path / "validation.csv"),
    }
    task, _ = labelled(None, tmp_path / "two", **files)
    assert meta(tmp_path / "two")["rows"] == wanted
    assert task_fingerprint(task, None).split()[2] == task_fingerprint(folder_task, None).split()[2]
    write(tmp_path, csv_text(rows()), "dev.csv")
    assert "two files for selection" in refused(tmp_path)


def test_carving_follows_the_content_and_keeps_copies_together(tmp_path):
    records = rows()
    first = own_task(spec(write(tmp_path, csv_text(records), "a.csv")))
    other = own_task(spec(write(tmp_path, csv_text(records[::-1]), "b.csv")))
    tests = [{row.texts for row in task.source.read().parts["test"]} for task in (first, other)]
    assert tests[0] == tests[1] and len(tests[0]) == 8
    doubled = own_task(spec(write(tmp_path, csv_text(records * 2), "c.csv")))
    parts = doubled.source.read().parts
    assert {row.texts for row in parts["test"]} == tests[0] and len(parts["test"]) == 16
    assert not {row.texts for row in parts["train"]} & tests[0]


def test_the_content_is_the_id_and_the_file_may_move(tmp_path):
    path = write(tmp_path, csv_text(rows()))
    before = task_fingerprint(own_task(spec(path)), None)
    moved = tmp_path / "elsewhere.csv"
    shutil.move(path, moved)
    assert task_fingerprint(own_task(spec(moved)), None) == before
    german = own_task(spec(moved, language="de"))  # noises then act in another way
    assert task_fingerprint(german, None) != before
    write(tmp_path, csv_text([*rows(), ("new", "cat")]), "elsewhere.csv")
    assert task_fingerprint(own_task(spec(moved)), None) != before


def test_numbers_of_one_text_and_of_two(tmp_path):
    records = [(text, text[::-1], f"{i / 4}") for i, text in enumerate(WORDS)]
    path = write(tmp_path, csv_text(records, "body,other,score"))
    one, got = labelled(path, tmp_path / "one", kind="regress", label="score")
    assert one.metrics == ("spearman", "pearson") and kind_of(one).num_texts == 1
    assert got[WORDS[6]] == 1.5
    two, got = labelled(
        path, tmp_path / "two", kind="regress", label="score", text=("body", "other")
    )
    assert kind_of(two).num_texts == 2 and got[WORDS[6], WORDS[6][::-1]] == 1.5
    write(tmp_path, csv_text([*records, ("x", "y", "3,5")], "body,other,score"))
    task = own_task(spec(path, kind="regress", label="score"))
    with pytest.raises(DataError, match=r"label '3,5' in column 'score' of line 42 of .*tickets"):
        build_task(task, tmp_path / "bad", None, silent)


def test_pairs_and_other_metrics(tmp_path):
    records = [(text, text[::-1], "yn"[i % 2]) for i, text in enumerate(WORDS)]
    path = write(tmp_path, csv_text(records, "a,b,same"))
    fields = {"kind": "pair", "text": ("a", "b"), "label": "same"}
    assert own_task(spec(path, **fields)).metrics == ("accuracy",)
    assert own_task(spec(path, metrics=("f1",), **fields)).metrics == ("f1",)


def test_quotes_can_be_plain_characters(tmp_path):
    text = "body\ttopic\n" + "".join(f'{a} "so\t{b}\n' for a, b in rows())
    text += '"hm\tcat\n'
    path = write(tmp_path, text, "t.tsv")
    assert "line 42 of" in refused(path) and "quotes: false" in refused(path)
    _, got = labelled(path, tmp_path / "out", quotes=False)
    assert got['"hm'] == "cat" and len(got) == 41


GOOD = csv_text(rows())
ODD_FILES = {
    "no such column": (GOOD.replace("topic", "topics", 1), "Did you mean 'topics'?"),
    "two of a column": (csv_text([(*r, "x") for r in rows()], "body,topic,topic"), "2 columns"),
    "a ragged line": (GOOD + '"more"\n', "line 42 of"),
    "too many fields": (GOOD + "a,b,c\n", "line 42 of"),
    "an open quote": (GOOD + '"never closed,cat\n', "begins in line 42 of"),
    "a NUL byte": (GOOD + "nul\0,cat\n", "line 42 of"),
    "latin-1": (GOOD.encode() + "caf\xe9,cat\n".encode("latin-1"), "at offset"),
    "utf-16": (GOOD.encode("utf-16"), "is in UTF-16, as its byte order mark says"),
    "one class only": (csv_text(rows(labels=("cat",))), "one class only, 'cat'"),
    "no label at all": (csv_text(rows(labels=("",))), "40 rows without a label"),
    "a header alone": ("body,topic\n", "no row for train"),
    "an empty file": ("", "no row for train"),
}


@pytest.mark.parametrize("case", ODD_FILES)
def test_what_cannot_be_used_is_refused_with_file_and_line(tmp_path, case):
    content, words = ODD_FILES[case]
    sentence = refused(write(tmp_path, content))
    assert words in sentence and sentence.startswith("task 'tickets': "), sentence


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[1]", "line 41 of"),
        ("{bad", "line 41 of"),
        ('{"body": "half \\ud83d", "topic": "cat"}', "half of a character"),
    ],
)
def test_json_lines_that_are_none(tmp_path, line, words):
    lines = [json.dumps({"body": a, "topic": b}) for a, b in rows()]
    path = write(tmp_path, "\n".join([*lines, line]), "t.jsonl")
    assert words in refused(path) and "line 41 of" in refused(path)


def test_a_test_part_without_labels_is_not_replaced(tmp_path):
    train = write(tmp_path, GOOD, "a.csv")
    test = write(tmp_path, csv_text([("one", ""), ("two", "")]), "b.csv")
    got = refused(None, train=str(train), test=str(test))
    assert "no row for test" in got and "2 rows without a label left out" in got
    records = [(a, b if i else "", "train" if i else "test") for i, (a, b) in enumerate(rows())]
    path = write(tmp_path, csv_text(records, "body,topic,part"))
    assert "no row for test" in refused(path, split="part")


def test_bytes_are_text(tmp_path):
    table = pyarrow.table(
        {"body": [a.encode() for a, _ in rows()], "topic": [b.encode() for _, b in rows()]}
    )
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    task, got = labelled(tmp_path / "t.parquet", tmp_path / "out")
    assert task.label_names == ("cat", "dog") and got == dict(rows())


def test_a_long_text_is_read_whole(tmp_path):
    long = "word " * 100_000
    assert long in labelled(write(tmp_path, GOOD + f'"{long}",cat\n'), tmp_path / "out")[1]


def test_a_number_is_no_text(tmp_path):
    lines = [json.dumps({"body": i, "topic": b}) for i, (_, b) in enumerate(rows())]
    task = own_task(spec(write(tmp_path, "\n".join(lines), "t.jsonl")))
    with pytest.raises(DataError, match=r"'body' of line \d+ of .* must be text, got \d+"):
        build_task(task, tmp_path / "out", None, silent)


def test_too_many_classes_look_like_the_wrong_column(tmp_path):
    many = [(f"text {i}", f"id {i}") for i in range(1001)]
    assert "1,001 different labels" in refused(write(tmp_path, csv_text(many)))


def test_files_that_are_not_there_or_of_another_kind(tmp_path):
    assert "neither a file nor a folder" in refused(tmp_path / "no.csv")
    assert "its ending is '.xlsx'" in refused(write(tmp_path, b"PK", "t.xlsx"))
    (tmp_path / "empty").mkdir()
    assert "holds no file train" in refused(tmp_path / "empty")
    got = refused(None, train=str(write(tmp_path, GOOD)), test=str(tmp_path / "gone.csv"))
    assert "gone.csv cannot be read" in got


def test_names_and_kinds_that_cannot_be(tmp_path):
    path = write(tmp_path, GOOD)
    assert "known already" in refused(path, name="sst2")
    with pytest.raises(SpecError, match="Did you mean 'classify'"):
        own_task(spec(path, kind="clasify"))


def test_the_summary_says_what_was_read(tmp_path):
    path = write(tmp_path, csv_text([*rows(), ("", "cat")]))
    assert own_summary(spec(path)) == (
        "tickets (classify) from tickets.csv: 28 train, 4 selection, 8 test; 2 classes; "
        "test (20% of the texts) and selection carved by content hash"
    )


def test_a_label_of_a_class_is_an_int64(tmp_path):
    task = own_task(spec(write(tmp_path, GOOD)))
    build_task(task, tmp_path / "out", None, silent)
    assert load_task(tmp_path / "out").train.labels.dtype == np.int64
