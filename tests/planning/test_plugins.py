"""Parts of other packages: their version is in ids, their changed source is told."""

import dataclasses
import importlib
import json
import sys

import pytest
from registries import REGISTRIES, set_apart

from mae_bench import plugins
from mae_bench.data.corpus import CORPORA, Corpus, corpus_fingerprint
from mae_bench.data.noise import NOISES
from mae_bench.data.sources import Source
from mae_bench.errors import PluginError
from mae_bench.objectives.base import OBJECTIVES
from mae_bench.planning.plan import make_plan
from mae_bench.planning.plugged import changed_sources
from mae_bench.planning.stage import StageBuilder
from mae_bench.planning.study import study_of
from mae_bench.registry import Registry
from mae_bench.runner.stages import Settings, run_stage
from mae_bench.specs import CorpusSpec
from mae_bench.store.store import Store
from mae_bench.tasks import TASKS, task_fingerprint
from mae_bench.tasks.base import Task, add_task

CODE = """
from mae_bench.data.noise import NOISES
from mae_bench.objectives.base import OBJECTIVES
from mae_bench.objectives.mlm import MaskedLanguageModel
from mae_bench.tasks.metrics import add_metric


@OBJECTIVES.register("theirs")
class Theirs(MaskedLanguageModel):
    name = "theirs"


@NOISES.register("shout")
def shout(text, rate, rng):
    return text.upper()


@add_metric("their_mistakes", better="lower", unit="mistakes", digits=0)
def mistakes(labels, predictions, num_classes):
    return float((labels != predictions).sum())
"""
THEIRS = ("theirs", "shout", "their_mistakes")
STUDY = {
    "name": "plugged",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2, "max_length": 32},
    "corpus": {"tokens": 2_000, "tokenizer": {"vocab_size": 300}, "row_length": 32},
    "pretrain": {"budget": {"steps": 2}, "batch_rows": 8},
    "objectives": ["mlm", "theirs", {"mixture": {"parts": {"mlm": 0.5, "theirs": 0.5}}}],
    "tasks": ["world/topic"],
    "protocols": ["linear_probe"],
    "linear_probe": {"max_length": 32, "poolings": ["mean"], "inverse_penalties": [1.0]},
    "noise": ["clean", {"shout": 0.5}],
    "train_sizes": [20],
    "seeds": 1,
}


@pytest.fixture
def theirs(tmp_path, monkeypatch):
    """Register the parts of a module on disk, for one test; return the module."""
    set_apart(monkeypatch)
    (tmp_path / "their_parts.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    plugins.source_digest.cache_clear()
    yield importlib.import_module("their_parts")
    sys.modules.pop("their_parts")
    plugins.source_digest.cache_clear()


def planned():
    return make_plan(study_of(STUDY), None)


def ids(kind):
    """Return the ids of a kind of stage by label."""
    return {stage.label: stage.id for stage in planned().stages if stage.kind == kind}


def test_parts_of_this_package_are_no_plugins_and_others_know_their_module(theirs):
    assert OBJECTIVES.plugin("mlm") is None and TASKS.plugin("world/topic") is None
    assert CORPORA.plugin("no such name") is None
    for registry in REGISTRIES:
        ours = [name for name in registry.names() if name not in THEIRS]
        assert [registry.plugin(name) for name in ours] == [None] * len(ours)
    plugin = OBJECTIVES.plugin("theirs")
    assert (plugin.what, plugin.module) == ("objective 'theirs'", "their_parts")
    assert plugin.version == "without a version"
    assert NOISES.plugin("shout").module == "their_parts"
    add_task(dataclasses.replace(TASKS.get("world/topic"), name="mine"))
    assert TASKS.plugin("mine").module == __name__


def test_every_registry_with_entry_points_is_looked_through_for_versions():
    groups = {registry.group for registry in REGISTRIES}
    assert groups == {f"mae_bench.{group}" for group in plugins.GROUPS}


def test_the_version_of_an_objective_is_in_the_ids_of_all_that_train_it(theirs):
    before = ids("pretrain")
    theirs.Theirs.version = 2
    after = ids("pretrain")
    changed = {label for label in before if before[label] != after[label]}
    assert changed == {"pretrain theirs, seed 0", "pretrain mixture, seed 0"}


def test_the_version_of_a_noise_is_in_the_ids_of_what_reads_it(theirs):
    before = ids("evaluate")
    theirs.shout.version = "2"
    after = ids("evaluate")
    assert not set(before.values()) & set(after.values())


def test_the_version_of_a_metric_is_in_the_ids_of_what_it_scores(theirs):
    ours = {kind: ids(kind) for kind in ("task", "evaluate")}
    task = TASKS.get("world/topic")
    TASKS._parts["world/topic"] = dataclasses.replace(task, metrics=("accuracy", "their_mistakes"))
    before = {kind: ids(kind) for kind in ours}
    theirs.mistakes.version = "2"
    after = {kind: ids(kind) for kind in ours}
    for kind in ours:
        sets_of_ids = [set(ids_of[kind].values()) for ids_of in (ours, before, after)]
        assert len(set.union(*sets_of_ids)) == sum(map(len, sets_of_ids))
    scored = [stage for stage in planned().stages if stage.kind == "evaluate"]
    assert scored
    for stage in scored:
        assert ("metric 'their_mistakes'", "2") in {(p.what, p.version) for p in stage.plugins}
    TASKS._parts["world/topic"] = task
    assert {kind: ids(kind) for kind in ours} == ours


def test_the_versions_of_this_packages_own_metrics_are_in_no_id():
    # of each definition before metrics of others had a version in it
    digests = {
        "cola": "2559675bd85981c0",
        "mrpc": "642878be6ceb5499",
        "stsb": "41533efca7505ddf",
        "world/topic": "e60cbc706367a595",
    }
    fingerprints = {name: task_fingerprint(TASKS.get(name), None).split()[1] for name in digests}
    assert fingerprints == digests


def test_the_version_of_the_distribution_stands_where_a_part_has_none(theirs, monkeypatch):
    class Distribution:
        name, version = "their-parts", "1.2"

    point = type("Point", (), {"module": "their_parts.sub", "dist": Distribution()})()
    monkeypatch.setattr(plugins, "_points", lambda: [point])
    assert OBJECTIVES.plugin("theirs").version == "their-parts 1.2"
    theirs.Theirs.version = 3
    assert OBJECTIVES.plugin("theirs").version == "3"


def test_column_and_version_of_a_corpus_are_in_its_id(theirs, monkeypatch):
    source = Source("a/b", "c", "toy", "none", {"train": "train"})
    prints = set()
    for field in ("text", "body"):
        corpus = Corpus("toy", source, text_field=field)
        monkeypatch.setitem(CORPORA._parts, "toy", corpus)
        monkeypatch.setitem(CORPORA._modules, "toy", "mae_bench.data.corpus")
        prints.add(corpus_fingerprint(CorpusSpec(sources=("toy",)), None))
        monkeypatch.setitem(CORPORA._modules, "toy", "their_parts")
        prints.add(corpus_fingerprint(CorpusSpec(sources=("toy",)), None))
    assert len(prints) == 4


def test_a_changed_source_is_warned_of_until_its_version_is_raised(theirs, tmp_path):
    (tmp_path / "a.txt").write_text("\n\n".join(f"text {i} has {i * i} words" for i in range(200)))
    corpus = {"sources": [str(tmp_path / "a.txt")], "tokenizer": {"vocab_size": 300}}
    study = study_of({**STUDY, "corpus": {**corpus, "row_length": 32}, "objectives": ["theirs"]})
    store, plan = Store(tmp_path / "home").open(), make_plan(study, None)
    needed = ("tokenizer", "blocks", "pretrain")
    done = [s for s in plan.stages if s.kind in needed and "random_init" not in s.label]
    for stage in done:
        run_stage(stage, store, Settings(), lambda *facts: None)
    trained = done[-1]
    noted = json.loads((store.path(*trained.key) / "done.json").read_bytes())
    assert noted["sources"] == {"objective 'theirs'": plugins.source_digest("their_parts")}
    assert changed_sources(plan, store) == []

    (tmp_path / "their_parts.py").write_text(CODE + "# changed\n")
    plugins.source_digest.cache_clear()
    (warning,) = changed_sources(plan, store)
    assert warning.startswith(
        "the source of objective 'theirs' (in their_parts) has changed since 1"
    )
    assert "without a version" in warning
    theirs.Theirs.version = 2
    assert changed_sources(make_plan(study, None), store) == []


def test_a_finished_study_whose_plugin_changed_is_looked_at_again(theirs, tmp_path, monkeypatch):
    from mae_bench.runner import completion as finished

    monkeypatch.setattr(finished, "plugin_files", lambda: [tmp_path / "their_parts.py"])
    finished._code.cache_clear()
    before = finished.plan_key(study_of(STUDY), None)
    (tmp_path / "their_parts.py").write_text(CODE + "# changed\n")
    finished._code.cache_clear()
    assert finished.plan_key(study_of(STUDY), None) != before
    finished._code.cache_clear()


def test_the_files_of_a_package_are_all_its_source(tmp_path, monkeypatch):
    (tmp_path / "some_package/deep").mkdir(parents=True)
    for name in ("__init__.py", "a.py", "deep/b.py"):
        (tmp_path / "some_package" / name).write_text("")
    (tmp_path / "some_package/data.csv").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    files = plugins.source_files("some_package.a")
    assert [path.name for path in files] == ["__init__.py", "a.py", "b.py"]
    assert plugins.source_files("no_such_package_at_all") == []


def test_a_task_of_another_definition_is_another_stage(theirs):
    task = Task(
        name="mine", kind="classify", text_fields=("text",), label_field="label",
        label_names=("no", "yes"), metrics=("accuracy",), licence="ours",
        source=Source("", "", "mine", "ours", {"train": "train", "test": "test"}),
    )  # fmt: skip
    add_task(task)
    stages = set()
    for change in ({}, {"metrics": ("f1",)}, {"label_names": ("yes", "no")}, {"kind": "pair"}):
        TASKS._parts["mine"] = dataclasses.replace(task, **change)
        stages.add(StageBuilder(None).task("mine"))
    assert len(stages) == 4


def test_a_part_that_cannot_be_imported_is_named_at_every_look(tmp_path, monkeypatch):
    about = tmp_path / "my_parts-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-parts\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text("[mae_bench.broken]\ntickets = broken_tickets\n")
    (tmp_path / "broken_tickets.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry("task", "broken")
    refusal = (
        r"the task 'tickets' of my-parts 0\.1 cannot be loaded from broken_tickets: "
        r"ZeroDivisionError: division by zero; mend that package, or uninstall it"
    )
    for _ in range(2):
        with pytest.raises(PluginError, match=refusal):
            registry.names()
