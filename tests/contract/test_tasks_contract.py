"""What every registered task must hold, and that folder and registry agree."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from small_cases import as_predictions

import mae_bench.tasks.definitions
from mae_bench.data.corpus import CORPORA
from mae_bench.data.documents import load_documents
from mae_bench.data.sources import count_local, is_at_hand
from mae_bench.progress import silent
from mae_bench.specs import CorpusSpec
from mae_bench.tasks import TASKS, build_task, kind_of, load_task, subset, task_fingerprint
from mae_bench.tasks.metrics import METRICS

WORLD = [name for name in TASKS.names() if name.startswith("world/")]
PUBLISHED = [name for name in TASKS.names() if not name.startswith("world/")]

INCOMPLETE = {"atis/intent", "clinc_oos", "csldcp", "iflytek", "trec/fine"}  # a class may be absent
# whose local copies are said to be another split, or to lack rows of the published one
OTHER_COPY = {"bc5cdr", "mrpc", "sts12", "subj"}
# which nobody has counted for these definitions
UNCOUNTED = {"conll2003", "go_emotions", "race", "squad", "squad_v2"}


def test_every_family_is_imported_and_defines_tasks():
    folder = Path(mae_bench.tasks.definitions.__file__).parent
    families = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert families == set(mae_bench.tasks.definitions.__all__)
    for family in families:
        text = (folder / f"{family}.py").read_text()
        assert "add_task(" in text or "add_published(" in text, f"{family}.py defines no task"


@pytest.mark.parametrize("name", TASKS.names())
def test_the_definition_is_complete(name):
    task = TASKS.get(name)
    assert task.name == name
    kind_of(task).check()
    assert set(task.metrics) <= set(METRICS.names())
    assert task.licence and task.language
    assert len(set(task.label_names)) == len(task.label_names)
    if task.source is not None:
        counted = set() if name in UNCOUNTED else set(task.source.splits)
        assert set(task.source.rows) == counted
        if task.source.hub_id and len(task.source.revision) != 40:
            assert "not pinned" in f"{task.note} {task.source.note}"
        trained = set() if task.train_task or task.is_test_only else {"train"}
        used = {*trained, task.test_split, task.selection_split} - {None}
        assert used <= set(task.source.splits)
        assert task.test_split != task.selection_split


@pytest.mark.parametrize("name", TASKS.names())
def test_the_fingerprint_needs_neither_data_nor_network(name):
    assert task_fingerprint(TASKS.get(name), None)


def check(name, folder, data_dir):
    task = TASKS.get(name)
    build_task(task, folder, data_dir, silent)
    data = load_task(folder)
    assert data.task.name == name
    assert data.task.metrics == task.metrics
    parts = [data.train, data.selection, data.test]
    for part in parts:
        assert (len(part) > 0) == (part is data.test or not task.is_test_only)
        assert len(set(part.ids)) == len(part.ids) == len(part.labels)
        assert all(len(texts) == len(part) for texts in part.texts)
    if task.kind == "rank":
        for part in parts:
            names = {name for label in part.labels for name in label["relevant"]}
            assert names == (set(kind_of(task).candidates(part)) if len(part) else set())
    elif task.label_names and parts[0].labels.dtype != object:
        per_part = [set(part.labels.tolist()) for part in parts]
        assert set().union(*per_part) == set(range(len(task.label_names)))
        if name not in INCOMPLETE:
            assert per_part[0] == per_part[1] == per_part[2]
    keys = [{tuple(t.strip() for t in row) for row in zip(*p.texts, strict=True)} for p in parts]
    assert not keys[0] & keys[1]
    assert not keys[0] & keys[2]
    assert not keys[1] & keys[2]
    if task.metrics != ("pseudo_bits_per_character",):  # of a text there is no right prediction
        learned = data.test if task.is_test_only else data.train
        check_metrics(task, data.test.labels, kind_of(task).floor(learned, data.test))
    if not task.is_test_only:
        groups = kind_of(task).groups(data.train.labels)
        assert len(subset(data.train, 20, groups=groups, task=name, seed=0)) == 20
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    assert meta["rows"] == {
        "train": len(parts[0]),
        "selection": len(parts[1]),
        "test": len(parts[2]),
    }


def check_metrics(task, labels, constant):
    right = as_predictions(labels)
    for metric in task.metrics:
        score = METRICS.get(metric)
        most = 1.0
        if metric == "recall_at_1":
            most = np.mean([1 / len(label["relevant"]) for label in labels])
        assert score(labels, right, task.num_labels) == pytest.approx(most)
        assert score(labels, constant, task.num_labels) < 1.0
        if metric in ("matthews", "spearman", "pearson"):
            assert score(labels, constant, task.num_labels) == 0.0


@pytest.mark.parametrize("name", WORLD)
def test_a_generated_task_holds_the_contract(name, tmp_path):
    check(name, tmp_path, None)


@pytest.mark.data
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_task_holds_the_contract(name, tmp_path):
    data_dir = Path(os.environ["MAE_BENCH_DATA"])
    task = TASKS.get(name)
    for part in (task, TASKS.get(task.trained_as)):
        if not is_at_hand(part.source, data_dir):
            pytest.skip(f"{part.name} is not in MAE_BENCH_DATA")
    check(name, tmp_path, data_dir)


@pytest.mark.data
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_rows_of_a_published_task_are_those_at_hand(name):
    source = TASKS.get(name).source
    data_dir = Path(os.environ["MAE_BENCH_DATA"])
    if not is_at_hand(source, data_dir):
        pytest.skip(f"{name} is not in MAE_BENCH_DATA")
    counted = {split: count_local(source, split, data_dir) for split in source.splits}
    assert (dict(source.rows) == counted) == (name not in OTHER_COPY), counted


@pytest.mark.data
@pytest.mark.parametrize("name", [name for name in CORPORA.names() if name != "world"])
def test_a_published_corpus_has_documents(name):
    documents = load_documents(CorpusSpec(sources=(name,)), Path(os.environ["MAE_BENCH_DATA"]))
    train = list(documents.train())
    share = len(documents.validation) / (len(train) + len(documents.validation))
    assert 0.005 < share < 0.04
    assert not set(train) & set(documents.validation)
    assert np.median([len(text) for text in train]) > 100
