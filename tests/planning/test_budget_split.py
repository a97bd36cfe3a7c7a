"""Plans of a study that shares one budget between pretraining and fine-tuning."""

import pytest
from small_cases import save_encoder

from mae_bench.errors import SpecError
from mae_bench.planning.budget_split import finetune_steps
from mae_bench.planning.estimate import estimate
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import load_study, study_of
from mae_bench.store.store import Store
from mae_bench.tuning.trials import trial_study

X = 2.0e10
RAW = {
    "name": "small",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2},
    "corpus": {"sources": ["world"], "tokens": 20_000, "row_length": 32},
    "pretrain": {"batch_rows": 8},
    "budget_split": {"flops": X, "pretrain_ratios": [0, 0.25, 0.75]},
    "objectives": ["mlm", {"distill": {"teacher": "mlm", "amortise_over": 2}}],
    "tasks": ["world/topic"],
    "train_sizes": [20],
    "seeds": 1,
}


def planned(**changes):
    raw = {name: value for name, value in {**RAW, **changes}.items() if value is not None}
    return make_plan(study_of(raw), None)


def specs(plan):
    """Return (pretraining, evaluation) by arm and share, of the arms that an encoder has."""
    by_key = plan.by_key
    return {
        (cell.arm.label, cell.pretrain_ratio): (
            by_key["pretrain", cell.pretrain].spec,
            by_key["evaluate", cell.evaluate].spec,
        )
        for cell in plan.cells
        if cell.pretrain
    }


def test_each_share_buys_a_pretraining_and_the_rest_a_fine_tune():
    by_cell = specs(planned())
    assert {ratio for _, ratio in by_cell} == {0, 0.25, 0.75} and len(by_cell) == 3 * 3
    for (arm, ratio), (pretrain, evaluate) in by_cell.items():
        assert evaluate.train_flops == X - ratio * X
        if arm != "random_init" and ratio:
            assert pretrain.objective == arm and pretrain.recipe.budget.flops == ratio * X


def test_at_zero_nothing_is_pretrained_and_all_arms_are_one_run():
    plan = planned()
    cells = [cell for cell in plan.cells if cell.pretrain_ratio == 0]
    assert {cell.arm.label for cell in cells} == {"random_init", "mlm", "distill"}
    assert len({(cell.pretrain, cell.evaluate) for cell in cells}) == 1
    assert plan.by_key["pretrain", cells[0].pretrain].spec.objective == "random_init"
    assert len({cell.id for cell in plan.cells}) == len(plan.cells)


def test_a_student_learns_from_a_teacher_of_its_own_share():
    plan = planned()
    by_cell = {(cell.arm.label, cell.pretrain_ratio): cell.pretrain for cell in plan.cells}
    for ratio in (0.25, 0.75):
        student = plan.by_key["pretrain", by_cell["distill", ratio]]
        assert ("pretrain", by_cell["mlm", ratio]) in student.needs


def test_a_teacher_from_outside_is_not_priced_as_the_backbone_of_the_study(tmp_path):
    """Of the 47.4 M of a step with a teacher of the study's size, 7.9 M are the teacher's."""
    student = {"distill": {"teacher": str(save_encoder(tmp_path)), "soft_weight": 0.0}}
    split = {"flops": 4 * 45e6, "pretrain_ratios": [0.25]}
    plan = planned(objectives=[student], budget_split=split)
    assert {ratio for _, ratio in specs(plan)} == {0.25}
    with pytest.raises(SpecError, match="of which one costs"):
        planned(
            objectives=["mlm", {"mae": {"mask_ratio": 0.9}}], budget_split=split | {"flops": 1e8}
        )


def test_a_share_that_does_not_buy_the_students_own_part_is_refused(tmp_path):
    student = {"distill": {"teacher": str(save_encoder(tmp_path)), "soft_weight": 0.0}}
    split = {"flops": 4 * 39e6, "pretrain_ratios": [0.25]}
    with pytest.raises(SpecError, match=r"arm 'distill', of which one costs at least 3\.96e\+07;"):
        planned(objectives=[student], budget_split=split)


def test_half_a_share_that_buys_no_step_beside_a_teacher_of_the_study_is_refused():
    split = {"flops": 4 * 60e6, "pretrain_ratios": [0.25]}
    left = r"leaves 3e\+07 FLOPs for the steps of arm 'distill', of which one costs 5\.28e\+07;"
    with pytest.raises(SpecError, match=left):
        planned(budget_split=split)


def test_a_share_is_the_pretraining_that_a_budget_of_as_many_flops_buys():
    ids = {
        (cell.arm.label, cell.pretrain_ratio): cell.pretrain
        for cell in planned().cells
        if cell.pretrain
    }
    pretrain = {"batch_rows": 8, "budget": {"flops": 0.25 * X}}
    plain = planned(budget_split=None, pretrain=pretrain)
    for cell in plain.cells:
        if cell.pretrain:
            assert ids[cell.arm.label, 0.25] == cell.pretrain


def test_the_other_shares_of_a_study_move_no_id():
    fewer = planned(budget_split={"flops": X, "pretrain_ratios": [0.75]})
    ids = {cell.id for cell in planned().cells}
    assert {cell.id for cell in fewer.cells} <= ids


def test_a_plan_names_what_each_share_costs_and_buys(tmp_path):
    plan = planned()
    estimated = estimate(plan, Store(tmp_path), "cpu")
    arms = {arm.label: arm for arm in estimated.arms}
    assert arms["mlm (0%)"].flops == arms["random_init (75%)"].flops == 0
    for label, ratio in (("mlm (25%)", 0.25), ("mlm (75%)", 0.75), ("distill (75%)", 0.75)):
        a_step = arms[label].flops_per_token * 8 * 32
        assert ratio * X - a_step < arms[label].whole_flops <= ratio * X
    (sentence,) = estimated.assumptions
    few, many = (int(text.replace(",", "")) for text in sentence.split()[:3:2])
    assert 3.8 < many / few < 4.2 and "steps of a fine-tune under 'finetune'" in sentence
    shares = [share.train_flops for *_, share in specs(plan).values()]
    least = sum(3 * flops for flops in set(shares)) / 4e10  # three rates, one run at 0 for all arms
    assert estimated.seconds > least


def test_one_step_of_a_fine_tune_is_not_one_steps():
    split = {"flops": 2.7e8, "pretrain_ratios": [0.5, 0.505]}
    (sentence,) = finetune_steps(planned(budget_split=split).study, 1 / 3)
    assert sentence.startswith("1 step of a fine-tune under 'finetune'")


def test_a_stored_study_reads_back_as_it_was():
    study = study_of(RAW)
    again = study_of(study.model_dump(mode="json"))
    assert again == study and again.pretrain.budget.flops == X
    assert study_of({**RAW, "pretrain": {"batch_rows": 8, "budget": {"flops": X}}}) == study


def test_tuning_tries_whole_budgets():
    study = trial_study(study_of({**RAW, "tuning": {"budget": {"steps": 5}}}))
    assert study.budget_split is None and study.pretrain.budget.steps == 5


def test_what_the_axis_replaces_is_said():
    plan = planned(finetune={"epochs": 2}, seeds=6)
    assert plan.warnings == (
        "finetune.epochs moves nothing, for budget_split says how many steps a fine-tune has; "
        "drop it",
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"budget_split": {"flops": X, "pretrain_ratios": [0.5, 1]}},
            r"budget_split.pretrain_ratios\[1\] must be a number in \[0, 1\), got 1",
        ),
        (
            {"budget_split": {"flops": X, "pretrain_ratios": [-0.1]}},
            r"pretrain_ratios\[0\] must be a number in \[0, 1\), got -0.1",
        ),
        (
            {"budget_split": {"flops": X, "pretrain_ratios": []}},
            r"pretrain_ratios must be a list of at least 1 number in \[0, 1\): with 1 nothing",
        ),
        (
            {"budget_split": {"flops": X, "pretrain_ratios": [0]}},
            "must hold one above 0, got 0 alone, where nothing is pretrained; add another",
        ),
        (
            {"budget_split": {"flops": X, "pretrain_ratios": [0.5, 0.50001]}},
            "must differ in their percents.*got 50% twice",
        ),
        (
            {"budget_split": {"flops": 0, "pretrain_ratios": [0.5]}},
            "budget_split.flops must be a number above 0, got 0",
        ),
        (
            {"budget_split": {"tokens": 100, "flops": X, "pretrain_ratios": [0.5]}},
            "unknown key 'tokens' in budget_split; allowed: flops, pretrain_ratios",
        ),
        (
            {"pretrain": {"batch_rows": 8, "budget": {"tokens": 2_000_000}}},
            r"pretrain.budget of 2e\+06 tokens stands beside budget_split.*leave out one of",
        ),
        (
            {"pretrain": {"batch_rows": 8, "budget": {"seconds": 60}}},
            "pretrain.budget of 60 seconds stands beside budget_split",
        ),
        (
            {"objectives": ["mlm", {"distill": {"teacher": "mlm"}}]},
            "spends the whole share of budget_split in flops, so that nothing is left",
        ),
        (
            {"corpus_tokens": [1000, 2000]},
            "budget_split and corpus_tokens are both axes of the pretraining, got both; leave one",
        ),
        (
            {"protocols": ["finetune", "linear_probe"]},
            "'linear_probe' does not train the encoder for the FLOPs that budget_split leaves it; "
            "those that do: finetune",
        ),
        (
            {"protocols": ["finetune", "representation"]},
            "'representation' does not train the encoder",
        ),
        (
            {"budget_split": {"flops": X, "pretrain_ratios": [0.5, 0.0001]}},
            r"pretrain_ratio of 0.0001 leaves 2e\+06 FLOPs for the steps of arm 'mlm', of which "
            r"one costs .*; raise budget_split.flops, lower pretrain.batch_rows",
        ),
        (
            {"budget_split": {"flops": X, "pretrain_ratios": [0.9999]}},
            r"pretrain_ratio of 0.9999 leaves 2e\+06 FLOPs for 'finetune', of which one step costs "
            r".* even on the shortest texts; raise budget_split.flops",
        ),
    ],
)
def test_what_cannot_share_a_budget_is_refused_in_a_sentence(changes, sentence, tmp_path):
    import yaml

    path = tmp_path / "split.yaml"
    path.write_text(yaml.safe_dump({**RAW, **changes}))
    with pytest.raises(SpecError, match=sentence):
        make_plan(load_study(path), None)


def test_encoders_that_were_not_pretrained_here_are_refused(tmp_path):
    from small_cases import save_encoder

    encoder = save_encoder(tmp_path / "encoder")
    with pytest.raises(SpecError, match=r"not pretrained here \(encoder\); leave them out"):
        planned(encoders=[str(encoder)])
