"""Files of a user as tasks of every kind: JSON lines and parquet for lists, refusals in words."""

import json
import re

import pyarrow
import pyarrow.parquet
import pytest

from mae_bench.errors import DataError, SpecError
from mae_bench.planning.study import study_of
from mae_bench.progress import silent
from mae_bench.specs import OwnTask
from mae_bench.tasks import build_task, kind_of, load_task, task_fingerprint
from mae_bench.tasks.own import own_summary, own_task

COLOURS = ("red", "green", "blue")
WORDS = [["the", COLOURS[i % 3], f"house {i}"] for i in range(30)]
CONTEXTS = [f"house {i // 2} is {COLOURS[i // 2 % 3]}" for i in range(30)]


def answer(context, word):
    return {"text": [word], "answer_start": [context.index(word)]}


ROWS = {
    "tag": [
        {"text": words, "label": ["O", "B-SIGN", "I-SIGN" if i % 2 else "O"]}
        for i, words in enumerate(WORDS)
    ],
    "multilabel": [
        {"text": f"text {i}", "label": [name for j, name in enumerate(COLOURS) if (i >> j) % 2]}
        for i in range(30)
    ],
    "span": [
        {"question": f"what {i}?", "context": c, "label": answer(c, COLOURS[i // 2 % 3])}
        for i, c in enumerate(CONTEXTS)
    ],
    "choice": [
        {"text": f"which {i}?", "a": f"one {i}", "b": f"two {i}", "c": None, "label": i % 2}
        for i in range(30)
    ],
    "rank": [{"text": f"query {i}", "label": [f"answer {i % 7}"]} for i in range(30)],
    "detect": [{"text": f"text {i}", "label": ("in", "out", "oos")[i % 3]} for i in range(30)],
}
FIELDS = {
    "span": {"text": ("question", "context")},
    "choice": {"options": ("a", "b", "c")},
    "detect": {"detected": ("oos",)},
}


def write(folder, kind, rows=None, ending=".jsonl"):
    path = folder / f"t{ending}"
    rows = ROWS[kind] if rows is None else rows
    if ending == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        path.write_text("\n".join(map(json.dumps, rows)))
    return path


def spec(path, kind, **fields):
    usual = {"name": "mine", "kind": kind, "text": ("text",), "label": "label", "data": str(path)}
    return OwnTask(**(usual | FIELDS.get(kind, {}) | fields))


def built(path, kind, out, **fields):
    task = own_task(spec(path, kind, **fields))
    kind_of(task).check()
    build_task(task, out, None, silent)
    return load_task(out)


def refused(path, kind, out, **fields):
    with pytest.raises((DataError, SpecError)) as caught:
        built(path, kind, out, **fields)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", ROWS)
def test_both_forms_hold_the_same_task(kind, tmp_path):
    read = {}
    for ending in (".jsonl", ".parquet"):
        data = built(write(tmp_path, kind, ending=ending), kind, tmp_path / f"out{ending}")
        parts = (data.train, data.selection, data.test)
        assert sum(map(len, parts)) == 30 and data.task.metrics
        read[ending] = [(part.texts, part.labels.tolist()) for part in parts]
    assert read[".jsonl"] == read[".parquet"]


def test_usual_metrics_and_classes_follow_the_labels(tmp_path):
    task = own_task(spec(write(tmp_path, "tag"), "tag"))
    assert task.metrics[0] == "span_f1" and task.label_names == ("B-SIGN", "I-SIGN", "O")
    nouns = [{"text": ["a", "b"], "label": ["NOUN", "VERB"]} for _ in range(30)]
    assert own_task(spec(write(tmp_path, "tag", nouns), "tag")).metrics == ("word_accuracy",)
    path = write(tmp_path, "span")
    assert own_task(spec(path, "span")).metrics == ("answer_f1", "exact_match")
    assert own_task(spec(path, "span", language="zh")).metrics[0] == "cmrc_f1"
    task = own_task(spec(write(tmp_path, "detect"), "detect"))
    assert task.label_names == ("the rest", "oos") and task.metrics == ("auroc", "recall_at_95")
    data = built(write(tmp_path, "multilabel"), "multilabel", tmp_path / "out")
    assert [] in [*data.train.labels, *data.test.labels, *data.selection.labels]


def test_questions_on_one_text_stay_in_one_part(tmp_path):
    data = built(write(tmp_path, "span"), "span", tmp_path / "out")
    tested = set(data.test.texts[1])
    assert len(tested) == 3 and len(data.test) == 6
    assert not tested & {*data.train.texts[1], *data.selection.texts[1]}


def test_options_of_csv_may_be_empty_and_the_right_one_a_place_or_a_text(tmp_path):
    lines = ["text,a,b,c,label"]
    lines += [
        f"which {i}?,one {i},two {i},{f'three {i}' if i % 2 else ''},{i % 2}" for i in range(30)
    ]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines))
    data = built(path, "choice", tmp_path / "out")
    assert set(data.test.num_texts.tolist()) <= {4, 5}
    listed = [{"text": f"which {i}?", "all": ["x", f"y {i}"], "label": f"y {i}"} for i in range(30)]
    data = built(write(tmp_path, "choice", listed), "choice", tmp_path / "o", options=("all",))
    assert set(data.train.labels.tolist()) == {1}
    lettered = [dict(row, label="AB"[row["label"]]) for row in ROWS["choice"]]
    path = write(tmp_path, "choice", lettered)
    data = built(path, "choice", tmp_path / "p", classes=("A", "B", "C"))
    assert set(data.train.labels.tolist()) == {0, 1}


def test_columns_of_options_are_part_of_the_id(tmp_path):
    path = write(tmp_path, "choice")
    ids = {
        task_fingerprint(own_task(spec(path, "choice", options=options)), None)
        for options in (("a", "b"), ("b", "a"), ("a", "b", "c"))
    }
    assert len(ids) == 3


SPOILT = {
    "no options": ("choice", {"a": None, "b": None}, "row 0 has 0 options; give 2 to 10 options"),
    "a blank in a list": ("choice", {"a": ["x", " "]}, "must be text with a sign in it, got ' '"),
    "no such option": ("choice", {"label": 3}, "label 3 in column 'label' of line 31 of"),
    "tags of another length": ("tag", {"label": ["O"]}, "has 3 words and 1 tag; every word needs"),
    "no tags": ("tag", {"label": []}, "has 3 words and 0 tags"),
    "words as one text": ("tag", {"text": "a b c"}, "must be a list of words, got 'a b c'"),
    "one class": ("multilabel", {"label": "red"}, "label 'red' in column 'label' of line 31 of"),
    "no candidate": ("rank", {"label": []}, "of line 31 of .* has an empty list of relevant"),
    "an answer alone": ("span", {"label": {"text": "red", "answer_start": 4}}, "two lists of one"),
    "a null as label": ("detect", {"text": 5}, "must be text, got 5"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_row_that_cannot_be_read_is_refused_with_its_line(case, tmp_path):

    kind, change, words = SPOILT[case]
    extra = ROWS[kind][0] | change
    extra |= {"text": "another"} if isinstance(extra.get("text"), str) and kind != "tag" else {}
    sentence = refused(write(tmp_path, kind, [*ROWS[kind], extra]), kind, tmp_path / "out")
    assert re.search(words.replace("row 0", "line 31 of .*"), sentence), sentence
    assert "line 31 of" in sentence


@pytest.mark.parametrize("kind", ROWS)
def test_a_missing_column_is_named(kind, tmp_path):
    for column in ROWS[kind][0]:
        if column == "c":
            continue
        rows = [{name: v for name, v in row.items() if name != column} for row in ROWS[kind]]
        sentence = refused(write(tmp_path, kind, rows), kind, tmp_path / "out")
        assert f"no column '{column}'; its columns are" in sentence


@pytest.mark.parametrize("kind", ["tag", "multilabel", "span"])
def test_csv_cannot_hold_lists(kind, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("text,label\na b,O O\n")
    sentence = refused(path, kind, tmp_path / "out")
    assert f"kind '{kind}' reads lists, which" in sentence and ".jsonl or .parquet" in sentence


@pytest.mark.parametrize(
    ("kind", "label", "said"),
    [
        (
            "tag",
            "O O",
            "label 'O O' in column 'label' of line 1 of .* must be a list",
        ),
        (
            "multilabel",
            "O",
            "label 'O' in column 'label' of line 1 of .* must be a list",
        ),
        ("multilabel", [], "column 'label' holds no class in 5 rows"),
        ("multilabel", ["O"], "column 'label' holds one class only, 'O', in 5 rows"),
    ],
)
def test_labels_that_are_no_lists_of_two_classes_are_named(kind, label, said, tmp_path):
    rows = [row | {"label": label} for row in ROWS[kind][:5]]
    assert re.search(said, refused(write(tmp_path, kind, rows), kind, tmp_path / "out"))


def test_an_answer_that_is_not_in_its_context_is_counted_and_said(tmp_path):
    rows = [dict(row) for row in ROWS["span"]]
    rows[4]["label"] = {"text": ["purple"], "answer_start": [3]}
    path = write(tmp_path, "span", rows)
    data = built(path, "span", tmp_path / "out")
    assert len(data.train) + len(data.selection) + len(data.test) == 29
    skipped = json.loads((tmp_path / "out/meta.json").read_text())["skipped"]
    assert sum(skipped.values()) == 1
    assert "skipped 1 answers that are not in their context" in own_summary(spec(path, "span"))


def test_keys_of_another_kind_are_refused(tmp_path):
    path = write(tmp_path, "detect")
    assert "has no options to choose among" in refused(path, "detect", tmp_path, options=("a",))
    assert "detects no class" in refused(path, "classify", tmp_path, detected=("oos",))
    assert "no label 'oops'" in refused(path, "detect", tmp_path, detected=("oops",))
    assert "no other label" in refused(path, "detect", tmp_path, detected=("in", "out", "oos"))
    assert "two classes in label_names" in refused(path, "detect", tmp_path, detected=())
    rated = [{"text": f"t {i}", "label": i} for i in range(30)]
    path = write(tmp_path, "regress", rated)
    assert "no label_names" in refused(path, "regress", tmp_path, classes=("a", "b"))


def test_one_column_may_stand_without_its_list(tmp_path):
    item = {"name": "q", "data": "t.jsonl", "kind": "choice", "text": "text", "label": "label"}
    study = study_of(
        {"name": "mine", "objectives": ["mlm"], "tasks": [item | {"options": "all"}]}, tmp_path
    )
    assert study.own_tasks[0].options == ("all",)


def test_a_class_is_named_once(tmp_path):
    with pytest.raises(ValueError, match="must name each class once, got a, a, b"):
        spec(tmp_path, "classify", classes=("a", "a", "b"))


@pytest.mark.parametrize("metric", ["spearman", "span_f1", "mrr_at_10"])
def test_a_metric_of_another_kind_is_refused_before_anything_runs(tmp_path, metric):
    rows = [{"text": f"t{n}", "label": "ab"[n % 2]} for n in range(30)]
    path = write(tmp_path, "classify", rows)
    assert f"cannot be scored by '{metric}'" in refused(
        path, "classify", tmp_path / "out", metrics=(metric,)
    )
    assert own_task(spec(path, "classify", metrics=("matthews",))).metrics == ("matthews",)
