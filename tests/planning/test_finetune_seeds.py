"""Fine-tune seeds inside pretraining seeds: what is repeated, paired, shared and refused."""

import pytest

from mae_bench.errors import SpecError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.seed_groups import seed_groups
from mae_bench.planning.study import study_of
from mae_bench.tuning.trials import trial_study

RAW = {
    "name": "nested",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2},
    "corpus": {"sources": ["world"], "tokens": 20_000, "row_length": 32},
    "pretrain": {"budget": {"steps": 4}, "batch_rows": 8},
    "objectives": ["mlm", "mae"],
    "tasks": ["world/topic"],
    "train_sizes": [20],
    "seeds": [3, 4],
}


def planned(**changes):
    return make_plan(study_of({**RAW, **changes}), None)


def ids(plan, kind="evaluate"):
    return {stage.id for stage in plan.stages if stage.kind == kind}


def specs(plan):
    return {stage.id: stage.spec for stage in plan.stages if stage.kind == "evaluate"}


def test_one_is_the_plan_without_any_and_more_reuse_it():
    before, one, three = planned(), planned(finetune_seeds=1), planned(finetune_seeds=3)
    assert one.study == before.study
    assert one.cells == before.cells
    assert ids(three) > ids(before)
    assert ids(three, "pretrain") == ids(before, "pretrain")
    first = {cell.id for cell in three.cells if cell.finetune_seed == 0}
    assert first == {cell.id for cell in before.cells}


def test_each_checkpoint_has_them_all_and_arms_share_their_draws():
    plan = planned(finetune_seeds=3)
    by_id, drawn = specs(plan), {}
    for cell in plan.cells:
        at = (cell.seed, cell.finetune_seed)
        drawn.setdefault(at, set()).add(by_id[cell.evaluate].seed)
    assert sorted(drawn) == [(seed, nth) for seed in (3, 4) for nth in range(3)]
    assert all(len(seeds) == 1 for seeds in drawn.values()), "floors and arms are paired"
    assert len(set.union(*drawn.values())) == 6, "each pair draws its own"
    assert {cell.pretrain_seed == cell.seed for cell in plan.cells if cell.pretrain} == {True}
    assert len({cell.id for cell in plan.cells}) == len(plan.cells)


def test_what_learns_from_no_label_is_evaluated_once():
    plan = planned(finetune_seeds=2, protocols=["linear_probe", "representation"])
    nested = {cell.protocol for cell in plan.cells if cell.finetune_seed}
    assert nested == {"linear_probe", "majority", "tfidf"}
    assert sum(cell.protocol == "representation" for cell in plan.cells) == 2 * 3


def test_a_list_names_them_and_stages_stay_those_of_a_count():
    count, listed = planned(finetune_seeds=3), planned(finetune_seeds=[0, 2])
    assert ids(listed) < ids(count)
    assert {cell.finetune_seed for cell in listed.cells} == {0, 2}


def test_all_fine_tunes_of_an_arm_may_be_trained_together():
    plan = planned(finetune_seeds=3, objectives=["mlm"])
    groups = seed_groups(plan.stages)
    mine = [stage for stage in plan.stages if stage.label.startswith("evaluate mlm")]
    assert {len(groups[stage.key]) for stage in mine} == {2 * 3 - 1}


def test_a_trial_of_tuning_has_one():
    study = study_of({**RAW, "finetune_seeds": 3, "tuning": {"trials": 2}})
    assert trial_study(study).finetune_seeds == (0,)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"finetune_seeds": 0}, "finetune_seeds must be a count of at least 1"),
        ({"finetune_seeds": [1, 1]}, "finetune_seeds holds 1 twice"),
        ({"finetune_seeds": 5000}, "finetune_seeds must be a count of at most 1000"),
    ],
)
def test_wrong_values_are_refused(changes, words):
    with pytest.raises(SpecError, match=words):
        planned(**changes)


def test_one_pretraining_has_no_seeds_to_nest_in():
    with pytest.raises(ValueError, match="repeats fine-tunes within each pretraining seed, got 3"):
        planned(finetune_seeds=3, repeats="finetuning")
