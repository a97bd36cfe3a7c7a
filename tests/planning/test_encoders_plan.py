"""Encoders from outside as arms of a study: short forms, ids, and what is not planned for them."""

import shutil

import pytest
from family_encoders import save_family

from mae_bench.errors import SpecError, UnknownNameError
from mae_bench.planning.evaluation import evaluation_study
from mae_bench.planning.plan import make_plan
from mae_bench.planning.recipes import recipe_of
from mae_bench.planning.shorthand import study_of

COMMIT = "0123456789abcdef0123456789abcdef01234567"
RAW = {"name": "x", "tasks": ["world/topic"], "seeds": 2, "train_sizes": [20]}
SMALL = {"num_layers": 1, "hidden_size": 32, "num_heads": 2, "max_length": 32}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_family("bert", tmp_path_factory.mktemp("family") / "mine")


def planned(encoders, **fields):
    return make_plan(study_of(RAW | {"encoders": encoders} | fields), None)


def kinds(plan):
    return {stage.kind for stage in plan.stages}


def test_short_forms(encoder):
    hub = f"owner/name@{COMMIT}"
    study = study_of(RAW | {"encoders": [str(encoder), hub, {"label": "b", "from": hub}]})
    assert [(e.label, e.origin) for e in study.encoders] == [
        ("mine", str(encoder)), ("name", hub), ("b", hub)
    ]  # fmt: skip
    assert study_of(study.model_dump(mode="json")) == study
    assert study_of(RAW | {"encoders": str(encoder)}).encoders[0].label == "mine"
    beside = study_of(RAW | {"encoders": ["mine"]}, encoder.parent)
    assert beside.encoders[0].origin == str(encoder)


def test_a_study_of_encoders_alone_reads_no_corpus(encoder):
    plan = planned([str(encoder)], protocols=["finetune", "linear_probe"])
    assert kinds(plan) == {"encoder", "task", "evaluate"}
    assert [arm.label for arm in plan.arms] == ["mine", "majority class", "TF-IDF + LR"]
    assert plan.study.control == "mine"
    cells = [cell for cell in plan.cells if cell.arm.label == "mine"]
    assert len(cells) == 4 and len({cell.evaluate for cell in cells}) == 4
    for cell in cells:
        assert not cell.is_floor and cell.arm.objective == "outside"
        assert cell.pretrain is cell.pretrain_seed is cell.corpus_tokens is None
    assert any("Not pretrained here: mine" in text for text in plan.warnings)


def test_beside_objectives_no_other_id_moves(encoder):
    fields = {"backbone": SMALL, "objectives": ["mlm"], "corpus": {"row_length": 32}}
    with_it = planned([{"label": "mine", "from": str(encoder)}], **fields)
    alone = make_plan(study_of(RAW | fields), None)
    added = {stage.key for stage in with_it.stages} - {stage.key for stage in alone.stages}
    assert {stage.key for stage in alone.stages} <= {stage.key for stage in with_it.stages}
    assert sorted(key[0] for key in added) == ["encoder", "evaluate", "evaluate"]
    assert with_it.study.control == "mlm"


def test_an_encoder_is_known_by_its_content_alone(encoder, tmp_path):
    shutil.copytree(encoder, tmp_path / "copy")
    save_family("bert", tmp_path / "other", seed=1)
    ids = []
    for folder in (encoder, tmp_path / "copy", tmp_path / "other"):
        plan = planned([{"label": "e", "from": str(folder)}])
        ids.append({stage.key for stage in plan.stages})
    assert ids[0] == ids[1]
    assert {kind for kind, _ in ids[0] - ids[2]} == {"encoder", "evaluate"}


def test_an_encoder_of_the_hub_is_fetched_by_prepare():
    plan = planned([f"owner/name@{COMMIT}"])
    assert {stage.kind for stage in plan.prepared} == {"task", "teacher"}
    (encoder,) = [stage for stage in plan.stages if stage.kind == "encoder"]
    reading = [stage for stage in plan.stages if encoder.key in stage.needs]
    assert len(reading) == 2 and all(encoder.needs[0] in stage.needs for stage in reading)


def test_texts_are_as_long_as_every_encoder_reads(encoder):
    assert recipe_of(planned([str(encoder)]).study, "finetune").max_length == 64
    both = planned([str(encoder)], objectives=["mlm"], backbone=SMALL, corpus={"row_length": 32})
    assert recipe_of(both.study, "finetune").max_length == 32
    with pytest.raises(SpecError, match=r"at most the positions of encoder 'mine', 64, got 65"):
        planned([str(encoder)], finetune={"max_length": 65})


def test_protocols_that_read_the_corpus_leave_it_out(encoder):
    with pytest.raises(SpecError, match=r"in the study's tokenizer.*such as linear_probe"):
        planned([str(encoder)], protocols=["representation"])
    plan = planned(
        [str(encoder)], objectives=["mlm"], backbone=SMALL, corpus={"row_length": 32},
        protocols=["linear_probe", "representation"],
    )  # fmt: skip
    assert any("there they are left out" in text for text in plan.warnings)
    assert {c.protocol for c in plan.cells if c.arm.label == "mine"} == {"linear_probe"}


WRONG = [
    (["nowhere"], r"encoders\[0\].from must be a folder.*owner/name@commit"),
    (["owner/name"], r"all 40 digits of the commit, got 'owner/name'"),
    ([3], r"encoders\[0\] must be a folder, owner/name@commit, or \{label"),
    ([{"label": "x"}], r"encoders\[0\] must be a folder"),
    ([{"form": "x", "from": "y"}], r"encoders\[0\]: .*form"),
    ([{"label": "majority class", "from": "y"}], r"label 'majority class' is that of another arm"),
    ([{"label": "", "from": "y"}], r"encoders\[0\].label must be a text"),
]


@pytest.mark.parametrize(("encoders", "text"), WRONG)
def test_wrong_encoders_are_a_sentence(encoders, text):
    with pytest.raises(SpecError, match=text):
        planned(encoders)


def test_labels_are_unique(encoder):
    with pytest.raises(SpecError, match=r"encoders\[1\]: the label 'mine' is that of another arm"):
        planned([str(encoder), str(encoder)])


def test_nothing_can_be_tuned_without_objectives(encoder):
    with pytest.raises(SpecError, match="tuning needs objectives"):
        planned([str(encoder)], tuning={"trials": 2})


def test_claims_may_name_it(encoder):
    claim = {"sentence": "s", "treatment": "mine", "control": "TF-IDF + LR"}
    assert planned([str(encoder)], claims=[claim]).study.claims
    with pytest.raises(UnknownNameError, match=r"treatment must be one of mine"):
        planned([str(encoder)], claims=[claim | {"treatment": "yours"}])


def test_the_same_evaluation_has_the_same_name(encoder):
    fields = {"tasks": ["world/topic"], "seeds": 2}
    first = evaluation_study([str(encoder)], fields)
    assert first == evaluation_study([str(encoder)], fields)
    assert first.name.startswith("evaluate-") and "mine" in first.description
    other = evaluation_study([str(encoder)], fields, ["finetune.epochs=9"])
    assert other.name != first.name and other.finetune.epochs == 9
    assert evaluation_study([str(encoder)], fields, ["name=mine"]).name == "mine"
