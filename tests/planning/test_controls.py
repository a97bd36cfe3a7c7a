"""Controls: the arms that objectives name beside themselves, and prices relative to mlm."""

import pytest

from mae_bench.costs import StepShape
from mae_bench.errors import SpecError
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.planning.arms import resolve_arm
from mae_bench.planning.controls import with_controls
from mae_bench.planning.estimate import estimate
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.specs import ArmSpec, BackboneSpec
from mae_bench.store.store import Store

PHASES = {"steps": {"mae": 0.5, "mlm": 0.5}}
RAW = {
    "name": "small",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2},
    "corpus": {"sources": ["world"], "tokens": 20_000, "row_length": 32},
    "pretrain": {"budget": {"steps": 4}, "batch_rows": 8},
    "objectives": ["mlm", {"phases": {"label": "both", **PHASES}}],
    "tasks": ["world/topic"],
    "train_sizes": [20],
    "seeds": 1,
}


def planned(tuned=None, **changes):
    return make_plan(study_of({**RAW, **changes}), None, tuned)


def labels(plan):
    return [arm.label for arm in plan.study.objectives]


def test_a_study_gets_controls_only_when_it_asks():
    assert labels(planned()) == ["random_init", "mlm", "both"]
    # the mlm alone is there already
    assert "both: mae alone" in labels(planned(controls=True))
    assert "both: mlm alone" not in labels(planned(controls=True))


def test_controls_of_several_arms_are_run_once():
    arms = [{"phases": {"label": name, "steps": {"mae": share, "mlm": 1 - share}}}
            for name, share in (("a", 0.5), ("b", 0.25))]  # fmt: skip
    control_labels = [
        label for label in labels(planned(controls=True, objectives=arms)) if ":" in label
    ]
    assert [label for label in control_labels if "alone" in label] == [
        "a: mae alone",
        "a: mlm alone",
    ]


def test_a_control_takes_its_arms_tuned_rate():
    arm = resolve_arm(ArmSpec(objective="phases", options=PHASES, label="both", peak_lr=0.5))
    by_label = {arm.label: arm for arm in with_controls((arm,))}
    assert by_label["both: mae alone"].spec.peak_lr == 0.5


def test_a_label_that_a_control_needs_is_refused():
    arms = (
        ArmSpec(objective="phases", options=PHASES, label="x"),
        ArmSpec(objective="simcse", label="x: mae alone"),
    )
    with pytest.raises(SpecError, match="'x: mae alone' is also the label of a control of 'x'"):
        with_controls(tuple(map(resolve_arm, arms)))


def test_every_control_of_every_objective_can_be_run():
    spec = BackboneSpec()
    for name, kind in OBJECTIVES:
        options = parse_options(name, kind.example)
        for objective, given in kind.controls(options).values():
            OBJECTIVES.get(objective).check(parse_options(objective, given), spec, 64)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"dropout": 0.2}, {"cropped views": {"view": "spans"}}),
        ({"view": "spans", "span_ratio": 0.3, "temperature": 0.1},
         {"dropout views": {"temperature": 0.1}}),
        ({"mlm_weight": 0.5, "mlm_mask_ratio": 0.3},
         {"cropped views": {"view": "spans", "mlm_weight": 0.5, "mlm_mask_ratio": 0.3},
          "without mlm": {}}),
    ],
)  # fmt: skip
def test_simcse_is_set_against_the_other_views_and_no_mlm_term(given, wanted):
    controls = OBJECTIVES.get("simcse").controls(parse_options("simcse", given))
    assert {label: options for label, (_, options) in controls.items()} == wanted
    assert all(parse_options(name, options) for name, options in controls.values())


def test_a_plan_tells_the_price_of_a_token_in_those_of_mlm(tmp_path):
    plan = planned(objectives=["mlm", "mae", {"mlm": {"mask_ratio": 0.4, "label": "more"}}])
    arms = {arm.label: arm for arm in estimate(plan, Store(tmp_path), "cpu").arms}
    shape = StepShape(plan.study.backbone, 8, 32, plan.study.corpus.tokenizer.vocab_size)

    def price(name, **options):
        kind = OBJECTIVES.get(name)
        return kind.flops_per_step(parse_options(name, options), shape).total / shape.tokens

    assert arms["mlm"].relative_flops == 1
    assert arms["mlm"].flops_per_token == pytest.approx(price("mlm"))
    assert arms["mae"].relative_flops == pytest.approx(price("mae") / price("mlm"))
    assert arms["more"].relative_flops == pytest.approx(price("mlm", mask_ratio=0.4) / price("mlm"))
    assert arms["random_init"].relative_flops == 0
