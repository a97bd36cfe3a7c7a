"""A kind of task from outside, in one file: its labels are lists, and nothing else changes."""

import abc
import dataclasses
import importlib
import json
import math
import random
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
import torch
from registries import set_apart
from small_cases import SIGNS, WORDS, save_encoder, small_spec

from mae_bench.analysis.report import write_report
from mae_bench.cli.catalogue import parts
from mae_bench.data.sources import Source
from mae_bench.errors import DataError, SpecError
from mae_bench.model.backbone import load_backbone
from mae_bench.model.heads import TaskModel
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.progress import silent
from mae_bench.protocols import finetune
from mae_bench.protocols.finetuner import Finetuner
from mae_bench.runner.session import Session
from mae_bench.specs import FinetuneRecipe
from mae_bench.tasks import Task, add_task, build_task, kind_of, load_task
from mae_bench.training.batching import load_tokenizer

TASK = Task(
    name="their_words",
    kind="their_tags",
    text_fields=("words",),
    label_field="tags",
    label_names=("other", "sign", "number"),
    metrics=("their_tag_accuracy",),
    source=Source("", "", "words", "ours", {"train": "train", "test": "test"}),
    licence="ours",
)
STUDY = {
    "name": "tags",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2, "max_length": 32},
    "corpus": {"tokens": 2_000, "tokenizer": {"vocab_size": 300}, "row_length": 32},
    "pretrain": {"budget": {"steps": 2}, "batch_rows": 8, "precision": "fp32"},
    "objectives": ["mlm"],
    "tasks": ["their_words"],
    "protocols": ["finetune"],
    "finetune": {"learning_rates": [3e-3], "epochs": 1, "min_steps": 4, "precision": "fp32"},
    "train_sizes": [20],
    "seeds": 1,
}


def tag_of(word):
    return 1 if word in SIGNS else 2 if word.isdigit() else 0


def write_words(folder, **counts):
    (folder / "words").mkdir()
    for part, count in counts.items():
        rng = random.Random(part)
        words = [rng.choices(WORDS, k=rng.randint(2, 9)) for _ in range(count)]
        tags = [[tag_of(word) for word in each] for each in words]
        table = pyarrow.table({"words": words, "tags": tags})
        pyarrow.parquet.write_table(table, folder / f"words/{part}.parquet")


@pytest.fixture
def tags(tmp_path, monkeypatch):
    """Return the module that registers the kind, for one test; data is at ``tmp_path``."""
    set_apart(monkeypatch)
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "outside"))
    yield importlib.import_module("outside_tags")
    sys.modules.pop("outside_tags")


@pytest.fixture
def data(tags, tmp_path):
    """Return the prepared task."""
    add_task(TASK)
    write_words(tmp_path, train=220, test=40)
    build_task(TASK, tmp_path / "task", tmp_path, silent)
    return load_task(tmp_path / "task")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


def tuned(encoder, data, **recipe):
    spec = small_spec("finetune", data, recipe=recipe)
    return finetune.run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)


def test_labels_that_are_lists_are_prepared_and_read_back(data):
    assert [len(data.selection), len(data.test)] == [22, 40]
    for part in (data.train, data.selection, data.test):
        for text, tags in zip(part.texts[0], part.labels, strict=True):
            assert tags == [tag_of(word) for word in text.split()]


def test_a_fine_tune_learns_them(data, encoder):
    result = tuned(encoder, data, learning_rates=(1e-2,), min_steps=120)
    (reading,) = result.readings
    assert reading.metrics["their_tag_accuracy"] > 0.95
    assert reading.collapse == ""
    assert [len(tags) for tags in reading.predictions] == list(map(len, data.test.labels))
    facts = result.best.facts
    assert facts["train_loss"] < 0.5 < facts["constant_loss"]


def test_one_that_learned_nothing_is_marked(data, encoder):
    (reading,) = tuned(encoder, data, learning_rates=(1e-9,)).readings
    assert "fine-tune untrained" in reading.collapse


def laid_out(encoder, data):
    """Return the test texts as a model reads them, and the learner of their tags."""
    kind = kind_of(data.task)
    tokenizer = load_tokenizer(encoder)
    texts = kind.lay_out(tokenizer, data.test, max_length=32, vocab_size=99, device="cpu")
    return texts, kind.learner(data.train)


def test_outputs_of_tokens_do_not_depend_on_the_batch(data, encoder):
    """Texts of a batch have other lengths than those of another."""
    texts, learner = laid_out(encoder, data)
    backbone = load_backbone(encoder)
    model = TaskModel(backbone, learner.head(backbone.width, dropout=0.5, seed=0))
    is_real = torch.arange(texts.ids.shape[1]) < texts.device_lengths[:, None]
    outputs = []
    for batch_size in (1, 7, 64):
        recipe = FinetuneRecipe(batch_size=batch_size, precision="fp32")
        tuner = Finetuner(model, learner, recipe, task="t", seed=0, device="cpu")
        outputs.append(tuner.predict(texts))
        assert outputs[-1].shape == (40, texts.ids.shape[1], 3)
        torch.testing.assert_close(outputs[-1][is_real], outputs[0][is_real], atol=1e-5, rtol=0)


def test_its_loss_and_its_tags_are_those_of_plain_python(data, encoder):
    """A word is one token of this encoder, after [CLS]."""
    texts, learner = laid_out(encoder, data)
    shape = (len(texts), *learner.output_shape(texts.ids.shape[1]))
    outputs = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    surprises, tags = [], []
    for row, wanted in enumerate(data.test.labels):
        words = outputs[row, 1 : 1 + len(wanted)].tolist()
        tags.append([word.index(max(word)) for word in words])
        for word, tag in zip(words, wanted, strict=True):
            surprises.append(math.log(sum(map(math.exp, word))) - word[tag])
    targets = learner.encode(data.test.labels, texts)
    assert float(learner.loss(outputs, targets)) == pytest.approx(np.mean(surprises))
    assert learner.decode(outputs, texts).tolist() == tags


def test_a_study_runs_from_its_data_to_its_report(tags, tmp_path):
    add_task(TASK)
    write_words(tmp_path, train=60, test=30)
    session = Session(
        study_of(STUDY), home=tmp_path / "home", data_dir=tmp_path, device="cpu", workers=1
    )
    rows = session.run()
    assert set(rows["arm"]) == {"random_init", "mlm", "majority class"}, "no TF-IDF of a word"
    assert rows["failure"].isna().all() and rows["value"].between(0, 1).all()
    assert set(rows["metric"]) == {"their_tag_accuracy"}
    majority = rows[rows["arm"] == "majority class"].iloc[0]
    cell = next(c for c in session.plan.cells if c.is_floor)
    predictions = pd.read_parquet(
        session.store.path("evaluate", cell.evaluate) / "predictions.parquet"
    )
    is_right = np.concatenate(list(predictions["label"])) == np.concatenate(
        list(predictions["prediction"])
    )
    assert majority["value"] == pytest.approx(is_right.mean())
    page = write_report(rows, session.study, tmp_path / "report")
    assert "their_tag_accuracy" in page.read_text()


def test_a_protocol_that_cannot_read_the_kind_is_refused_with_those_that_can(tags):
    add_task(TASK)
    for change, where in (
        ({"protocols": ["linear_probe"]}, "protocols"),
        ({"tuning": {"protocol": "linear_probe", "tasks": ["their_words"]}}, "tuning.protocol"),
    ):
        with pytest.raises(SpecError) as refusal:
            make_plan(study_of({**STUDY, **change}), None)
        assert str(refusal.value) == (
            f"{where}: 'linear_probe' cannot read task 'their_words', which is of kind "
            f"'their_tags'; it reads kinds {kinds_of('linear_probe')}, and task 'their_words' is "
            "read by finetune; name another protocol beside it, or leave the task out"
        )


def test_a_floor_that_cannot_read_the_kind_is_left_out_of_its_task_alone(tags):
    add_task(TASK)
    plan = make_plan(study_of({**STUDY, "tasks": ["their_words", "world/topic"]}), None)
    floors = {(cell.task, cell.protocol) for cell in plan.cells if cell.is_floor}
    assert floors == {
        ("their_words", "majority"),
        ("world/topic", "majority"),
        ("world/topic", "tfidf"),
    }


def test_its_version_is_in_the_ids_of_what_it_reads(tags):
    add_task(TASK)
    study = study_of({**STUDY, "tasks": ["their_words", "world/topic"]})

    def ids(plan):
        return {stage.label: stage.id for stage in plan.stages}

    before = ids(make_plan(study, None))
    tags.Tags.version = 2
    plan = make_plan(study, None)
    after = ids(plan)
    changed = {label for label in before if before[label] != after[label]}
    assert changed == {label for label in before if "their_words" in label}
    for stage in plan.stages:
        brought = {(plugin.what, plugin.version) for plugin in stage.plugins}
        is_theirs = stage.label in changed
        assert (("kind of task 'their_tags'", "2") in brought) == is_theirs


def test_a_label_that_is_none_is_named(tags, tmp_path):
    write_words(tmp_path, train=20, test=5)
    table = pyarrow.table({"words": [["red"]], "tags": [[7]]})
    pyarrow.parquet.write_table(table, tmp_path / "words/test.parquet")
    with pytest.raises(DataError, match=r"label \[7\] of row 0 of the test split"):
        build_task(TASK, tmp_path / "task", tmp_path, silent)


def test_an_unknown_kind_gets_a_near_match(tags):
    add_task(dataclasses.replace(TASK, kind="their_tag"))
    with pytest.raises(SpecError, match=r"unknown kind of task 'their_tag'.* Did you mean"):
        make_plan(study_of(STUDY), None)


def test_a_kind_without_all_its_methods_is_refused_with_those_it_lacks(tags, monkeypatch):
    add_task(TASK)
    for name in ("floor", "read_label"):
        monkeypatch.delattr(tags.Tags, name)
    abc.update_abstractmethods(tags.Tags)
    with pytest.raises(SpecError, match=r"outside_tags\.Tags\) lacks floor, read_label;"):
        make_plan(study_of(STUDY), None)


def test_it_is_listed_beside_ours(tags):
    add_task(TASK)
    tasks = {part["name"]: part for part in parts("tasks")}
    assert tasks["their_words"]["labels"] == "3 tags a word"
    assert json.dumps(tasks)
    for name in ("finetune", "majority"):
        assert {"their_tags", "choice", "span"} <= set(kinds_of(name).split(", "))
    linear = "classify, detect, multilabel, pair, regress"
    assert kinds_of("linear_probe") == kinds_of("tfidf") == linear
    assert kinds_of("representation") == "reads the corpus"


def kinds_of(protocol):
    return next(part["kinds"] for part in parts("protocols") if part["name"] == protocol)
