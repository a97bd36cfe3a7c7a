"""Which outside encoders a plan asks for tokens: by their config, before any model is read."""

import json
import shutil
import sys

import pytest
from family_encoders import save_family
from scored_cases import save_arm

from mae_bench.errors import SpecError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.shorthand import study_of

COMMIT = "0123456789abcdef0123456789abcdef01234567"
RAW = {
    "name": "x",
    "tasks": ["blimp"],
    "protocols": ["score"],
    "seeds": 1,
    "recipes": {"score": {"max_length": 16}},
}
GAPS = RAW | {"tasks": ["sst2"], "protocols": ["zero_shot"], "recipes": {}}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("heads")
    save_family("bert", root / "masked", head="ForMaskedLM")
    save_family("gpt2", root / "causal", head="LMHeadModel")
    save_family("bert", root / "bare")
    for objective in ("mlm", "mae", "causal", "simcse"):
        save_arm(root / "runs" / objective, objective)
    return {path.name: path for path in [*root.iterdir(), *(root / "runs").iterdir()]}


def planned(raw, *encoders, **fields):
    return make_plan(study_of(raw | {"encoders": [str(each) for each in encoders]} | fields), None)


def asked(plan):
    return {cell.arm.label for cell in plan.cells if not cell.is_floor}


def test_what_was_saved_with_a_head_is_scored(folders):
    plan = planned(RAW, folders["masked"], folders["causal"], folders["bare"])
    assert asked(plan) == {"masked", "causal"}
    (warning,) = [text for text in plan.warnings if "without a result" in text]
    assert warning.endswith("without a result: bare (BertModel has no head that names tokens)")


def test_a_gap_is_filled_by_a_head_for_hidden_tokens_alone(folders):
    plan = planned(GAPS, folders["masked"], folders["causal"], folders["bare"])
    assert asked(plan) == {"masked"}
    assert any("leaves out causal, bare" in text for text in plan.warnings)


def test_a_study_that_nothing_can_answer_is_refused(folders):
    with pytest.raises(SpecError, match=r"no arm can say \(bare \(BertModel has .*ForMaskedLM"):
        planned(RAW, folders["bare"])
    with pytest.raises(SpecError, match=r"needs an objective .* or an encoder .*ForMaskedLM"):
        planned(GAPS, folders["causal"], folders["bare"])


def test_an_encoder_that_is_not_there_yet_is_planned():
    assert asked(planned(RAW, f"owner/name@{COMMIT}")) == {"name"}
    assert asked(planned(GAPS, f"owner/name@{COMMIT}")) == {"name"}


def test_beside_objectives_each_is_asked(folders):
    fields = {"objectives": ["mlm", "simcse"], "corpus": {"row_length": 32}}
    plan = planned(RAW, folders["masked"], **fields)
    assert asked(plan) == {"mlm", "masked"}


def test_a_run_of_this_suite_answers_by_its_objective(folders, tmp_path):
    runs = [folders[name] for name in ("mlm", "mae", "causal", "simcse")]
    plan = planned(RAW, *runs)
    assert asked(plan) == {"mlm", "mae", "causal"}
    assert any("simcse (objective 'simcse' names no tokens)" in text for text in plan.warnings)
    assert asked(planned(GAPS, *runs)) == {"mlm", "mae"}
    shutil.copytree(folders["mlm"], tmp_path / "mlm")
    (tmp_path / "mlm" / "spec.json").unlink()
    with pytest.raises(SpecError, match="nothing says which objective it was trained with"):
        planned(RAW, tmp_path / "mlm")


def evaluations(plan):
    return {stage.id for stage in plan.stages if stage.kind == "evaluate"}


def test_another_head_on_the_same_encoder_is_another_evaluation(folders, tmp_path):
    """The encoder's own id leaves it out, and so does whatever reads vectors alone."""
    other = tmp_path / "mlm"
    shutil.copytree(folders["mlm"], other)
    for protocol, task, moves in (("score", "blimp", True), ("zero_shot", "stsb", False)):
        raw = RAW | {"protocols": [protocol], "tasks": [task], "recipes": {}}
        before = evaluations(planned(raw, folders["mlm"]))
        assert before == evaluations(planned(raw, other))
        path = other / "objective.safetensors"
        content = path.read_bytes()
        path.write_bytes(content[:-4] + bytes(4))
        assert (before != evaluations(planned(raw, other))) == moves
        path.write_bytes(content)
    content = json.loads((other / "spec.json").read_text())
    (other / "spec.json").write_text(json.dumps(content | {"seed": 3}))
    raw = RAW | {"recipes": {}}
    assert evaluations(planned(raw, folders["mlm"])) == evaluations(planned(raw, other))


def test_where_no_protocol_asks_no_head_is_looked_for(folders, monkeypatch):
    from mae_bench.planning import heads

    monkeypatch.setattr(heads, "head_of_run", None)
    raw = RAW | {"tasks": ["world/topic"], "protocols": ["linear_probe"], "recipes": {}}
    assert asked(planned(raw, folders["mlm"])) == {"mlm"}


def test_the_head_of_a_run_is_looked_for_once(folders, monkeypatch):
    from mae_bench.planning import heads

    looked, find = [], heads.head_of_run
    monkeypatch.setattr(heads, "head_of_run", lambda folder: looked.append(folder) or find(folder))
    fields = {"protocols": ["score", "zero_shot"], "tasks": ["blimp", "sst2"]}
    assert asked(planned(RAW | fields, folders["mlm"])) == {"mlm"}
    assert looked == [folders["mlm"]]


def test_a_plan_of_encoders_reads_no_model(folders, monkeypatch):
    from mae_bench.model import head_folder

    monkeypatch.setattr(head_folder, "read_model", None)
    assert "mae_bench.model.head_folder" in sys.modules
    planned(RAW, folders["masked"])
