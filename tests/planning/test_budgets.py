"""What a budget buys an arm that pays for a teacher, in the plan and in the run alike."""

import json

import pytest
from small_blocks import BATCH, L, run_pretraining, write_blocks

from mae_bench.costs import seconds_for, steps_for
from mae_bench.errors import SpecError
from mae_bench.planning.estimate import estimate
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.specs import Budget
from mae_bench.store.store import Store

RAW = {
    "name": "small",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2},
    "corpus": {"sources": ["world"], "tokens": 20_000, "row_length": 32},
    "pretrain": {"budget": {"flops": 1.0e10}, "batch_rows": 8},
    "objectives": ["mlm", {"distill": {"teacher": "mlm", "amortise_over": 2}}],
    "tasks": ["world/topic"],
    "train_sizes": [20],
    "seeds": 1,
}


def costs(tmp_path, **changes):
    plan = make_plan(study_of({**RAW, **changes}), None)
    estimated = estimate(plan, Store(tmp_path), "cpu")
    return {arm.label: arm for arm in estimated.arms}, estimated


def test_a_plan_charges_the_teacher_as_the_run_does(tmp_path):
    arms, estimated = costs(tmp_path)
    mlm, taught = arms["mlm"], arms["distill"]
    assert 0.9e10 < mlm.flops <= 1.0e10
    assert taught.teacher_pretrain_flops == mlm.flops / 2
    a_step = taught.flops_per_token * 8 * 32
    assert taught.steps == int((1.0e10 - mlm.flops / 2) / a_step)
    assert 1.0e10 - a_step < taught.whole_flops <= 1.0e10
    assert estimated.flops == mlm.flops + taught.flops  # the teacher is made once


def test_a_run_spends_what_the_teacher_left(tmp_path):
    write_blocks(tmp_path / "blocks")
    teacher = run_pretraining(tmp_path, "mlm", name="teacher", budget=Budget(steps=6))
    paid = json.loads((teacher / "cost.json").read_text())["flops"]
    options = {"teacher": "mlm", "amortise_over": 2}
    out = run_pretraining(
        tmp_path, "distill", options, teacher=teacher, budget=Budget(flops=2 * paid)
    )
    cost = json.loads((out / "cost.json").read_text())
    a_step = (cost["flops"] - paid / 2) / cost["steps"]
    assert cost["tokens"] == cost["steps"] * BATCH * L
    assert 2 * paid - a_step < cost["flops"] <= 2 * paid


@pytest.mark.parametrize("unit", ["flops", "seconds"])
@pytest.mark.parametrize("arm", [
    {"distill": {"teacher": "mlm", "label": "taught"}},
    {"mixture": {"label": "taught", "parts": {"mlm": {}, "distill": {"teacher": "mlm"}}}},
])  # fmt: skip
def test_a_teacher_that_spends_it_all_is_refused_before_anything_runs(tmp_path, unit, arm):
    changes = {"objectives": ["mlm", arm], "pretrain": {"budget": {unit: 100}, "batch_rows": 8}}
    with pytest.raises(SpecError, match=f"whole pretrain.budget of {unit}.*amortise_over"):
        costs(tmp_path, **changes)


def test_a_budget_that_the_teacher_has_spent_says_what_to_raise():
    assert steps_for(Budget(flops=100.0), 10.0, 5, 45.0) == 5
    with pytest.raises(
        SpecError, match=r"costs 10, beside 45 for the teacher; raise amortise_over"
    ):
        steps_for(Budget(flops=50.0), 10.0, 5, 45.0)
    with pytest.raises(SpecError, match="which costs 10; raise the budget"):
        steps_for(Budget(flops=5.0), 10.0, 5)
    with pytest.raises(SpecError, match=r"tokens 5 does not buy one step of 128 tokens"):
        steps_for(Budget(tokens=5), 10.0, 128)
    assert seconds_for(Budget(steps=3), 100.0) is None
    assert seconds_for(Budget(seconds=12), 5.0) == 7.0
    with pytest.raises(SpecError, match="12 are spent on the teacher; raise amortise_over"):
        seconds_for(Budget(seconds=12), 12.0)
