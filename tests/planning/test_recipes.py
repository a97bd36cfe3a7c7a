"""`recipes:` sets what any registered protocol does, those of other packages and floors too."""

import importlib
import json
import sys
from pathlib import Path

import pytest
from registries import set_apart

from mae_bench.api import open_session
from mae_bench.errors import SpecError, UnknownNameError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import load_study, study_of
from mae_bench.runner.session import Session
from mae_bench.tuning.api import run_study

OUTSIDE = Path(__file__).parents[1] / "outside"  # one file for each part of another package
RAW = {
    "name": "small",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2, "max_length": 32},
    "corpus": {"sources": ["world"], "tokens": 5_000, "row_length": 32},
    "objectives": ["mlm"],
    "tasks": ["world/topic"],
    "protocols": ["finetune", "linear_probe"],
    "train_sizes": [20],
    "seeds": 1,
}


@pytest.fixture
def neighbours(monkeypatch):
    """Another package's protocol, gone after the test."""
    set_apart(monkeypatch)
    monkeypatch.syspath_prepend(str(OUTSIDE))
    importlib.import_module("neighbours_protocol")
    yield
    del sys.modules["neighbours_protocol"]


def plan(**changes):
    return make_plan(study_of({**RAW, **changes}), None)


def ids(made):
    return [stage.key for stage in made.stages]


def recipes(made, protocol):
    specs = [stage.spec for stage in made.stages if stage.kind == "evaluate"]
    return [spec.recipe for spec in specs if spec.protocol == protocol]


def test_a_recipe_means_what_its_short_form_means():
    long = plan(recipes={"linear_probe": {"max_iter": 7}, "finetune": {"epochs": 2}})
    short = plan(linear_probe={"max_iter": 7}, finetune={"epochs": 2})
    assert ids(long) == ids(short) != ids(plan())
    assert long.study == short.study
    assert recipes(long, "linear_probe") == 2 * [{"max_iter": 7, "max_length": 32}]


def test_what_is_not_set_moves_no_id():
    assert ids(plan(recipes={})) == ids(plan())
    assert ids(plan(recipes={"tfidf": {}, "linear_probe": {"max_iter": 1000}})) == ids(plan())


def test_the_recipe_of_a_floor_can_be_set():
    before, after = plan(), plan(recipes={"tfidf": {"max_ngram": 1}})
    assert recipes(before, "tfidf") == [{}]
    assert recipes(after, "tfidf") == [{"max_ngram": 1}]
    assert len(set(ids(before)) - set(ids(after))) == 1


WRONG = [
    ({"linear_prob": {}}, UnknownNameError, r"recipes: unknown protocol 'linear_prob'.*Did you"),
    ({"tfidf": {"max_ngrams": 1}}, SpecError, r"unknown key 'max_ngrams' in recipes.tfidf.*Did"),
    ({"linear_probe": {"max_itr": 1}}, SpecError, r"'max_itr' in recipes.linear_probe.*Did you"),
    ({"tfidf": {"max_ngram": 0}}, SpecError, r"recipes.tfidf.max_ngram must be .*, got 0"),
    ({"tfidf": 3}, SpecError, r"recipes.tfidf must be a mapping, got 3"),
    ({"representation": {}}, SpecError, r"recipes.representation sets a protocol that this study"),
    ({"linear_probe": {"max_length": 64}}, SpecError, r"linear_probe.max_length must be at most"),
]


@pytest.mark.parametrize(("written", "kind", "sentence"), WRONG)
def test_a_wrong_recipe_is_refused_with_its_line(tmp_path, written, kind, sentence):
    lines = [f"{key}: {value}" for key, value in RAW.items()]
    ((name, options),) = written.items()
    path = tmp_path / "study.yaml"
    path.write_text("\n".join([*lines, "recipes:", f"  {name}: {options}", ""]))
    with pytest.raises(kind, match=sentence) as error:
        open_session(str(path), home=tmp_path / "home")
    assert ", line 1" in str(error.value) or "max_length" in sentence


def test_the_recipe_of_trials_is_read():
    tuning = {"protocol": "linear_probe", "trials": 1}
    changes = {"protocols": ["finetune"], "recipes": {"linear_probe": {"max_iter": 7}}}
    assert plan(**changes, tuning=tuning).study.linear_probe.max_iter == 7
    with pytest.raises(SpecError, match=r"drop it, or add 'linear_probe' to protocols"):
        plan(**changes)


def test_a_short_form_that_no_protocol_reads_is_warned_of(neighbours):
    assert not [text for text in plan(finetune={"epochs": 1}).warnings if "epochs" in text]
    unread = plan(protocols=["linear_probe"], finetune={"epochs": 1})
    assert ids(unread) == ids(plan(protocols=["linear_probe"]))
    (warning,) = [text for text in unread.warnings if "moves nothing" in text]
    assert warning.startswith(
        "finetune sets a protocol that this study does not run (linear_probe)"
    )
    tuned = plan(protocols=["linear_probe"], finetune={"epochs": 1}, tuning={"trials": 1})
    assert not [text for text in tuned.warnings if "moves nothing" in text]


def test_one_recipe_is_not_written_twice():
    with pytest.raises(SpecError, match=r"recipes.finetune and finetune are one recipe"):
        plan(recipes={"finetune": {"epochs": 1}}, finetune={"epochs": 1})


def test_a_study_kept_before_there_were_recipes_has_not_changed(tmp_path):
    session = Session(study_of(RAW), home=tmp_path, device="cpu")
    kept = session.study.model_dump(mode="json")
    del kept["recipes"]
    session.folder.mkdir(parents=True)
    (session.folder / "study.json").write_text(json.dumps(kept))
    assert session.changes() == []
    changed = Session(study_of(RAW | {"recipes": {"tfidf": {"max_ngram": 1}}}), home=tmp_path)
    assert changed.changes() == ["recipes"]


def test_a_protocol_of_another_package_is_set_from_yaml(tmp_path, neighbours):
    path = tmp_path / "study.yaml"
    path.write_text(
        """\
name: theirs
backbone: {num_layers: 1, hidden_size: 32, num_heads: 2, max_length: 32}
corpus: {sources: [world], tokens: 5_000, tokenizer: {vocab_size: 300}, row_length: 32}
objectives: [random_init]
tasks: [world/topic]
protocols: [neighbours]
train_sizes: [20]
seeds: 1
recipes:
  neighbours: {neighbours: 3}
"""
    )
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(path.read_text().replace("{neighbours:", "{neighbors:"))
    with pytest.raises(SpecError, match=r"line 10: unknown key 'neighbors' in recipes.neighbours"):
        open_session(str(wrong), home=tmp_path / "home")
    table = run_study(load_study(path), home=tmp_path / "home", device="cpu")
    theirs = table[table["protocol"] == "neighbours"]
    assert set(theirs["chosen"]) == {'{"neighbours": 3}'}
    fewer = load_study(path, ["recipes.neighbours.neighbours=1"])
    assert ids(make_plan(fewer, None)) != ids(make_plan(load_study(path), None))
