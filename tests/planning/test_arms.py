"""The options of an arm are parsed once, whatever a plan looks at afterwards."""

from collections import Counter
from typing import ClassVar

import pytest
from pydantic import model_validator

from mae_bench.objectives.base import OBJECTIVES
from mae_bench.objectives.mlm import MaskedLanguageModel
from mae_bench.planning.estimate import estimate
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.planning.warnings import prepared_warnings
from mae_bench.store.store import Store

RAW = {
    "name": "counted",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2},
    "corpus": {"sources": ["world"], "tokens": 20_000, "row_length": 32},
    "corpus_tokens": [10_000, 20_000],
    "pretrain": {"budget": {"steps": 4}, "batch_rows": 8},
    "tasks": ["world/topic"],
    "train_sizes": [20],
    "seeds": 3,
}


class Counted(MaskedLanguageModel):
    """An mlm that counts how often its options are validated, by their mask ratio."""

    name = "counted"
    seen: ClassVar[Counter] = Counter()

    class Options(MaskedLanguageModel.Options):
        @model_validator(mode="after")
        def _count(self):
            Counted.seen[self.mask_ratio] += 1
            return self

    @classmethod
    def controls(cls, options):
        return {"half as many": (cls.name, {"mask_ratio": options.mask_ratio / 2})}


@pytest.fixture
def counted():
    Counted.seen.clear()
    OBJECTIVES.register("counted")(Counted)
    yield Counted.seen
    OBJECTIVES._parts.pop("counted")


ARMS = [
    {"counted": {"mask_ratio": 0.25}},
    {"counted": {"mask_ratio": 0.5, "label": "teacher"}},
    {"distill": {"teacher": "teacher"}},
]


def test_an_arm_is_parsed_once_in_planning_and_estimating(counted, tmp_path):
    plan = make_plan(study_of({**RAW, "objectives": ARMS}), None)
    assert counted == {0.25: 1, 0.5: 1}
    store = Store(tmp_path)
    assert estimate(plan, store, "cpu").flops > 0
    prepared_warnings(plan, store)
    assert counted == {0.25: 1, 0.5: 1}


@pytest.mark.parametrize("whole", ["mixture", "phases", "nested"])
def test_a_part_is_parsed_once(counted, whole):
    parts = {"counted": {"mask_ratio": 0.25}, "mae": {}}
    mixed = {"mixture": {"parts": parts}}
    halves = {name: {**options, "share": 0.5} for name, options in parts.items()}
    nested = {"phases": {"steps": {"mixture": {"share": 0.5, "parts": parts}, "mae": 0.5}}}
    arm = {"mixture": mixed, "phases": {"phases": {"steps": halves}}, "nested": nested}[whole]
    plan = make_plan(study_of({**RAW, "objectives": ["mlm", arm]}), None)
    assert counted == {0.25: 1}
    (own,) = (arm for arm in plan.resolved if arm.spec.objective in ("mixture", "phases"))
    assert own.options.canonical() == own.spec.options
    assert type(own.options).model_validate(own.spec.options) == own.options


def test_a_control_and_a_tuned_arm_are_parsed_once(counted):
    study = study_of({**RAW, "objectives": ARMS[:1], "controls": True})
    label = study.objectives[0].label
    plan = make_plan(study, None, {label: {"mask_ratio": 0.4}})
    assert counted == {0.4: 1, 0.2: 1}
    assert [arm.spec.options["mask_ratio"] for arm in plan.resolved[1:]] == [0.4, 0.2]


def test_a_plan_knows_the_arm_of_each_pretraining():
    plan = make_plan(
        study_of({**RAW, "objectives": ["mlm", {"distill": {"teacher": "mlm"}}]}), None
    )
    made = {stage.id: stage.spec for stage in plan.stages if stage.kind == "pretrain"}
    assert plan.pretrained.keys() == made.keys()
    for id_, spec in made.items():
        arm = plan.pretrained[id_]
        assert (arm.spec.objective, arm.spec.options) == (spec.objective, spec.options)
        assert arm.options.canonical() == spec.options
    assert tuple(arm.spec for arm in plan.resolved) == plan.study.objectives
