"""Files of a user's own whose rows hold lists: read right, or refused in a sentence."""

import json

import pytest

from mae_bench.errors import DataError, SpecError
from mae_bench.progress import silent
from mae_bench.specs import ArmSpec, OwnTask, Study
from mae_bench.tasks import build_task, kind_of, load_task
from mae_bench.tasks.own import own_summary, own_task, own_warnings

ARM = ArmSpec(objective="mlm", label="mlm")


def write(folder, record, count=40, name="own.jsonl"):
    path = folder / name
    lines = [json.dumps(record(number)) for number in range(count)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def made(path, **fields):
    return OwnTask(**({"name": "own", "data": str(path)} | fields))


def prepared(spec, out):
    task = own_task(spec)
    kind_of(task).check()
    build_task(task, out, None, silent)
    data = load_task(out)
    labels = [one for part in (data.train, data.selection, data.test) for one in part.labels]
    return task, labels


def tagged(number):
    return {"words": ["Ann", "saw", f"Rome{number}"], "tags": ["B-PER", "O", "B-LOC"]}


TAGS = {"kind": "tag", "text": ("words",), "label": "tags"}


def test_words_with_tags_of_spans(tmp_path):
    task, labels = prepared(made(write(tmp_path, tagged), **TAGS), tmp_path / "out")
    assert task.label_names == ("B-LOC", "B-PER", "O")
    assert task.metrics[0] == "span_f1"
    assert len(labels) == 40
    assert list(labels[0]) == ["B-PER", "O", "B-LOC"]


def test_tags_that_write_no_span_are_scored_by_word(tmp_path):
    path = write(tmp_path, lambda n: {"words": ["a", f"b{n}"], "tags": [0, 1 + n % 2]})
    task, labels = prepared(made(path, **TAGS), tmp_path / "out")
    assert task.label_names == ("0", "1", "2")
    assert task.metrics == ("word_accuracy",)
    assert {tuple(one) for one in labels} == {("0", "1"), ("0", "2")}


def test_fewer_tags_than_words_name_the_line(tmp_path):
    path = write(tmp_path, lambda n: tagged(n) | ({"tags": ["O"]} if n == 5 else {}))
    with pytest.raises(DataError, match=r"line 6 of .*has 3 words and 1 tag; every word"):
        own_summary(made(path, **TAGS))


def test_several_classes_a_text(tmp_path):
    path = write(tmp_path, lambda n: {"text": f"t{n}", "label": ["a", "b"] if n % 2 else ["b"]})
    spec = made(path, kind="multilabel", text=("text",), label="label")
    task, labels = prepared(spec, tmp_path / "out")
    assert (task.label_names, task.metrics[0]) == (("a", "b"), "micro_f1")
    assert {tuple(one) for one in labels} == {(0, 1), (1,)}


OPTIONS = {"kind": "choice", "text": ("premise",), "label": "right"}


def offered(number):
    return {"premise": f"rain {number}", "options": ["wet", "dry"], "right": number % 2}


def test_options_are_a_list_or_a_column_each(tmp_path):
    listed = made(write(tmp_path, offered), **OPTIONS, options=("options",))
    task, labels = prepared(listed, tmp_path / "listed")
    assert task.metrics == ("accuracy",)
    lines = [f"rain {n},wet,dry,{'hot' if n % 2 else ''},{n % 2}" for n in range(40)]
    table = tmp_path / "own.csv"
    table.write_text("\n".join(["premise,a,b,c,right", *lines]) + "\n", encoding="utf-8")
    columns = made(table, **OPTIONS, options=("a", "b", "c"))
    _, same = prepared(columns, tmp_path / "columns")
    assert sorted(same) == sorted(labels)
    fewer = made(table, **OPTIONS, options=("a", "b"))
    assert own_task(fewer).source.fingerprint() != own_task(columns).source.fingerprint()


def test_options_that_nobody_names(tmp_path):
    path = write(tmp_path, offered)
    with pytest.raises(DataError, match=r"0 options; give 2 to 10 options in columns that"):
        own_summary(made(path, **OPTIONS))
    with pytest.raises(SpecError, match="only kind 'choice' reads"):
        own_task(
            made(path, kind="classify", text=("premise",), label="right", options=("options",))
        )


def answered(number):
    context = f"In {number} Ann left"
    right = {"text": ["Ann"], "answer_start": [context.index("Ann")]}
    wrong = {"text": ["Bob"], "answer_start": [0]}
    return {"q": f"who {number}?", "context": context, "a": wrong if number == 3 else right}


def test_an_answer_that_is_not_in_its_context_is_said(tmp_path):
    spec = made(write(tmp_path, answered), kind="span", text=("q", "context"), label="a")
    study = Study(name="s", objectives=(ARM,), tasks=("own",), own_tasks=(spec,))
    assert own_task(spec).metrics == ("answer_f1", "exact_match")
    assert any("skipped 1 answers that are not" in said for said in own_warnings(study))
    swapped = made(write(tmp_path, answered), kind="span", text=("context", "q"), label="a")
    with pytest.raises(DataError, match=r"had 0 rows.*skipped 32 answers that are not"):
        own_summary(swapped)


def test_relevant_texts_are_the_candidates(tmp_path):
    path = write(tmp_path, lambda n: {"q": f"q{n}", "a": f"answer {n % 4}"})
    task, _ = prepared(made(path, kind="rank", text=("q",), label="a"), tmp_path / "out")
    assert task.metrics[0] == "mrr_at_10"


def test_kinds_without_labels_are_not_made_of_files(tmp_path):
    path = write(tmp_path, offered)
    with pytest.raises(SpecError, match="give it one of the kinds choice, classify, "):
        own_task(made(path, kind="minimal_pair", text=("premise", "options"), label="right"))


def test_a_class_is_named_once(tmp_path):
    with pytest.raises(ValueError, match="must name each class once, got a, a, b"):
        made(tmp_path, kind="classify", text=("q",), label="a", classes=("a", "a", "b"))


@pytest.mark.parametrize("metric", ["spearman", "span_f1", "mrr_at_10"])
def test_a_metric_of_another_kind_is_refused_before_anything_runs(tmp_path, metric):
    path = write(tmp_path, lambda n: {"text": f"t{n}", "label": "ab"[n % 2]})
    fields = {"kind": "classify", "text": ("text",), "label": "label"}
    with pytest.raises(SpecError, match=f"cannot be scored by '{metric}', .*: accuracy, f1, "):
        own_task(made(path, **fields, metrics=(metric,)))
    assert own_task(made(path, **fields, metrics=("matthews",))).metrics == ("matthews",)
