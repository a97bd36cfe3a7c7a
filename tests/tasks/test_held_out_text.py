"""Language modelling on the held-out text of any corpus, and on files of a user's own."""

import dataclasses

import pyarrow
import pyarrow.parquet
import pytest

from mae_bench.cli.task_list import task_parts
from mae_bench.data.corpus import CORPORA, Corpus
from mae_bench.data.documents import load_documents
from mae_bench.data.own_files import FileSource
from mae_bench.data.sources import Source
from mae_bench.errors import DataError, SpecError, UnknownNameError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.progress import silent
from mae_bench.specs import CorpusSpec, OwnTask
from mae_bench.tasks import build_task, kind_of, load_task, task_fingerprint
from mae_bench.tasks.own import own_summary, own_task
from mae_bench.tasks.train_task import registered_task

ARTICLES = [f" = Title {n} = \n {n} words of an article . \n" for n in range(300)]


@pytest.fixture
def data_dir(tmp_path):
    write(tmp_path / "data", [line for article in ARTICLES for line in article.splitlines(True)])
    return tmp_path / "data"


def write(folder, lines):
    (folder / "wikitext2_raw").mkdir(parents=True, exist_ok=True)
    path = folder / "wikitext2_raw" / "train.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": lines}), path)


def built(task, out, data_dir=None):
    kind_of(task).check()
    build_task(task, out, data_dir, silent)
    return load_task(out)


def test_its_documents_are_those_that_no_pretraining_on_the_corpus_sees(data_dir, tmp_path):
    data = built(registered_task("text/wikitext2_raw"), tmp_path / "out", data_dir)
    for seed in (0, 7):
        documents = load_documents(CorpusSpec(sources=("wikitext2_raw",), seed=seed), data_dir)
        assert sorted(data.test.texts[0]) == sorted(documents.validation)
        assert not set(data.test.texts[0]) & set(documents.train())
    assert data.test.labels.tolist() == [len(text) for text in data.test.texts[0]]
    assert len(data.train) == len(data.selection) == 0
    assert set(data.test.texts[0]) < {article.strip() for article in ARTICLES}


def test_the_generated_world_has_one_too(tmp_path):
    data = built(registered_task("text/world"), tmp_path)
    assert data.test.texts[0] == [
        text.strip() for text in load_documents(CorpusSpec(), None).validation
    ]


def test_it_is_known_by_the_text_of_the_corpus(data_dir):
    task = registered_task("text/wikitext2_raw")
    before = task_fingerprint(task, data_dir)
    write(data_dir, ["another text\n"])
    assert task_fingerprint(task, data_dir) != before
    assert task_fingerprint(task, None) == task_fingerprint(task, None) != before
    assert task_fingerprint(registered_task("text/world"), None) != task_fingerprint(task, None)


def test_a_corpus_of_another_package_is_a_task_at_once(tmp_path, monkeypatch):
    source = Source("", "", "theirs", "none", {"train": "train"})
    theirs = Corpus("theirs", source, text_field="body", language="fr")
    monkeypatch.setitem(CORPORA._parts, "theirs", theirs)
    monkeypatch.setitem(CORPORA._modules, "theirs", "mae_bench")
    (tmp_path / "theirs").mkdir()
    table = pyarrow.table({"body": [f"texte {n}" * 9 for n in range(200)]})
    pyarrow.parquet.write_table(table, tmp_path / "theirs" / "train.parquet")
    task = registered_task("text/theirs")
    assert task.language == "fr" and len(built(task, tmp_path / "out", tmp_path).test) > 0
    (listed,) = [part for part in task_parts(tmp_path) if part["name"] == "text/theirs"]
    assert listed["is_at_hand"] and listed["source"] == "corpus theirs"
    (absent,) = [part for part in task_parts(None) if part["name"] == "text/theirs"]
    assert not absent["is_at_hand"]


def test_a_corpus_that_is_not_there_is_one_sentence():
    with pytest.raises(
        UnknownNameError, match=r"task 'text/wikitext3': unknown corpus .*wikitext2"
    ):
        registered_task("text/wikitext3")


RAW = {"name": "x", "protocols": ["score"], "seeds": 1, "objectives": ["mlm"]}


def planned(**fields):
    return make_plan(study_of(RAW | fields), None)


def test_a_plan_says_where_the_study_splits_the_corpus_otherwise():
    def warnings(name, **corpus):
        plan = planned(tasks=[f"text/{name}"], corpus={"sources": [name]} | corpus)
        assert {cell.task for cell in plan.cells} == {f"text/{name}"}
        return [text for text in plan.warnings if "trains on" in text]

    for name in ("wikitext2_raw", "world"):
        assert warnings(name) == warnings(name, validation_ratio=0.1) == []
    (lower,) = warnings("wikitext2_raw", validation_ratio=0.01)
    assert "'text/wikitext2_raw' may hold text that the study's corpus trains on: its" in lower
    assert warnings("world", validation_ratio=0.01) == [], "it sets as many apart at any ratio"
    sources = {"sources": ["wikitext2_raw", "imdb/unsupervised"]}
    plan = planned(tasks=["text/wikitext2_raw", "text/wiki_en"], corpus=sources)
    (mixed,) = [text for text in plan.warnings if "trains on" in text]
    assert "'text/wikitext2_raw'" in mixed and "other sources beside it" in mixed


def own(path, **fields):
    usual = {"name": "mine", "kind": "language_model", "text": ("body",), "data": str(path)}
    return OwnTask(**(usual | fields))


def test_a_file_of_a_users_own_is_a_text(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("body,who\none text,a\n,b\nanother text here,c\n")
    spec = own(path)
    data = built(own_task(spec), tmp_path / "out")
    assert data.test.texts == (["one text", "another text here"],)
    assert data.test.labels.tolist() == [8, 17] and len(data.train) == 0
    assert own_summary(spec) == "mine (language_model) from t.csv: 2 test"
    raw = {"tasks": [{"name": "mine", "kind": "language_model", "text": "body", "data": str(path)}]}
    plan = planned(**raw)
    assert {cell.task for cell in plan.cells} == {"mine"}
    assert any("1 row without text left out" in text for text in plan.warnings)


def test_minimal_pairs_of_a_users_own_may_have_groups(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"good": "a b", "bad": "b a", "group": "order"}\n')
    fields = {"kind": "minimal_pair", "text": ("good", "bad")}
    for label, group in ((None, ""), ("group", "order")):
        data = built(own_task(own(path, label=label, **fields)), tmp_path / f"out{group}")
        *sentences, groups = data.test.texts
        assert sorted(text for texts in sentences for text in texts) == ["a b", "b a"]
        assert groups == [group]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"label": "who"}, r"'mine' of kind 'language_model' has no labels; leave out `label`"),
        ({"split": "who"}, r"has a test and nothing to learn from, got `split: who`"),
        ({"data": None, "train": "t.csv"}, r"nothing to learn from, got `train: t.csv`"),
        ({"kind": "classify"}, r"'mine' of kind 'classify' learns from labels; write `label:`"),
    ],
)
def test_what_does_not_fit_is_one_sentence(fields, text, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("body,who\none text,a\n")
    with pytest.raises(SpecError, match=text):
        kind_of(own_task(own(path, **fields))).check()


def test_files_without_text_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"is a folder, and kind 'language_model' reads one file"):
        own_task(own(tmp_path))
    path = tmp_path / "t.csv"
    path.write_text("body,who\n,a\n")
    with pytest.raises(DataError, match=r"no row for test with text \(1 row without text left out"):
        own_task(own(path))


def test_a_file_of_a_test_alone_has_an_id_of_its_own(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("body,who\none text,a\n")
    one = FileSource((("test", str(path)),), ("body",), "")
    assert one.fingerprint() != dataclasses.replace(one, label_field="who").fingerprint()
