"""A plan: which stages, shared by whom, and what is refused before anything runs."""

import pytest

from mae_bench.errors import MaeBenchError, SpecError
from mae_bench.planning.noise_groups import noise_groups
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.specs import CLEAN, NoiseSpec

RAW = {
    "name": "small",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2},
    "corpus": {"sources": ["world"], "tokens": 20_000, "row_length": 32},
    "pretrain": {"budget": {"steps": 4}, "batch_rows": 8},
    "objectives": ["random_init", "mlm", "mae", {"distill": {"teacher": "mlm"}}],
    "tasks": ["world/topic", "world/sentiment"],
    "train_sizes": [20],
    "seeds": 2,
}


def planned(**changes):
    return make_plan(study_of({**RAW, **changes}), None)


def stages(plan, kind):
    return [stage for stage in plan.stages if stage.kind == kind]


def test_stages_are_shared_and_in_order():
    plan = planned()
    counts = {kind: len(stages(plan, kind)) for kind in ("tokenizer", "blocks", "task", "pretrain")}
    assert counts == {"tokenizer": 1, "blocks": 1, "task": 2, "pretrain": 8}
    assert len(plan.cells) == (4 + 2) * 2 * 2
    seen = set()
    for stage in plan.stages:
        assert seen.issuperset(stage.needs)
        seen.add(stage.key)


def test_random_init_and_floors_are_always_there():
    plan = planned(objectives=["mlm"])
    labels = [arm.label for arm in plan.arms]
    assert labels == ["random_init", "mlm", "majority class", "TF-IDF + LR"]
    assert plan.study.control == "mlm"
    floors = {cell.arm.label for cell in plan.cells if cell.is_floor}
    assert floors == {"majority class", "TF-IDF + LR"}


def test_one_training_serves_every_noise_of_the_test_split():
    noise = ["clean", {"typos": {"rate": [0.1, 0.2]}}, {"typos": {"rate": 0.1, "where": "both"}}]
    plan = planned(noise=noise, objectives=["random_init"], tasks=["world/topic"], seeds=1)
    mine = [cell for cell in plan.cells if not cell.is_floor]
    assert len(mine) == 4
    assert len({cell.evaluate for cell in mine}) == 2
    assert len({cell.id for cell in mine}) == 4


def test_noise_on_train_and_both_share_a_training():
    noises = (
        NoiseSpec(name="typos", rate=0.1, where="train"),
        NoiseSpec(name="typos", rate=0.1, where="both"),
    )
    ((train, tests),) = noise_groups(noises)
    assert train == NoiseSpec(name="typos", rate=0.1, where="train")
    assert set(tests) == {CLEAN, NoiseSpec(name="typos", rate=0.1, where="test")}


def test_a_student_needs_its_teacher_of_the_same_seed():
    plan = planned()
    pretrain = {(c.arm.label, c.seed): c.pretrain for c in plan.cells if c.pretrain}
    by_id = {stage.id: stage for stage in plan.stages}
    for seed in (0, 1):
        assert ("pretrain", pretrain["mlm", seed]) in by_id[pretrain["distill", seed]].needs


def test_a_teachers_label_does_not_move_the_student():
    other = [{"mlm": {"label": "base"}}, {"distill": {"teacher": "base"}}]
    first, second = (
        planned(objectives=["mlm", {"distill": {"teacher": "mlm"}}]),
        planned(objectives=other),
    )
    assert {s.id for s in first.stages} == {s.id for s in second.stages}


def test_a_default_written_out_is_the_same_run():
    first, second = planned(objectives=["mlm"]), planned(objectives=[{"mlm": {"mask_ratio": 0.15}}])
    assert {s.id for s in first.stages} == {s.id for s in second.stages}


def test_repeating_the_finetuning_pretrains_once():
    plan = planned(repeats="finetuning", seeds=[3, 4, 5])
    assert len(stages(plan, "pretrain")) == 4
    assert {cell.pretrain_seed for cell in plan.cells if not cell.is_floor} == {3}
    assert any("one pretraining" in text for text in plan.warnings)


def test_corpus_sizes_share_a_tokenizer_and_untrained_weights():
    plan = planned(corpus_tokens=[10_000, 20_000])
    assert len(stages(plan, "tokenizer")) == 1
    assert len(stages(plan, "blocks")) == 2
    assert len(stages(plan, "pretrain")) == 2 * (3 * 2 + 1)
    mlm = {cell.corpus_tokens for cell in plan.cells if cell.arm.label == "mlm"}
    assert mlm == {10_000, 20_000}


def test_tuned_options_replace_the_studys():
    plan = make_plan(study_of(RAW), None, {"mae": {"mask_ratio": 0.3}})
    assert {a.label: a.options for a in plan.arms}["mae"] == {"mask_ratio": 0.3}


def test_few_seeds_are_warned_of():
    assert any("5 seeds are too few" in text for text in planned(seeds=5).warnings)
    assert not planned(seeds=6).warnings


WRONG = {
    "a phase below a step": (
        {
            "objectives": [{"phases": {"steps": {"causal": 0.01, "mlm": 0.99}}}],
            "pretrain": {"budget": {"steps": 40}, "batch_rows": 8},
        },
        "arm 'phases': phase 'causal' is shorter than a step: its share 0.01 of 40 steps is 0.4",
    ),
    "a budget below a step": (
        {"pretrain": {"budget": {"tokens": 100}, "batch_rows": 8}},
        "pretrain.budget.tokens 100 does not buy one step of 256 tokens",
    ),
    "label of the untrained": (
        {"objectives": [{"mlm": {"label": "random_init"}}]},
        "the label 'random_init' is reserved for the untrained encoder",
        "for 'mlm'",
    ),
    "empty label": ({"objectives": [{"mlm": {"label": ""}}]}, "a label must not be empty"),
    "no values": (
        {"objectives": [{"mlm": {"mask_ratio": []}}]},
        "the list under mask_ratio of 'mlm' is empty",
    ),
    "against itself": (
        {"claims": [{"sentence": "x", "treatment": "mae", "control": "mae"}]},
        "claims[0] compares 'mae' with itself",
    ),
    "metric": (
        {"claims": [{"sentence": "x", "treatment": "mae", "control": "mlm", "metric": "acuracy"}]},
        "claims[0].metric must be one of accuracy",
        "got 'acuracy'. Did you mean 'accuracy'?",
    ),
    "rate": ({"noise": ["clean", "typos"]}, "noise 'typos' must have a rate above 0, got 0"),
    "weight": (
        {
            "objectives": [
                {"mixture": {"parts": {"mlm": 1, "mae": {"weight": {"start": 0, "end": 0}}}}}
            ]
        },
        "starts and ends at 0 is never used",
    ),
    "objective": ({"objectives": ["mlmm"]}, "unknown objective 'mlmm'", "Did you mean 'mlm'"),
    "option": (
        {"objectives": [{"mlm": {"mask_rato": 0.2}}]},
        "has no option 'mask_rato'",
        "Did you mean 'mask_ratio'",
    ),
    "ratio": ({"objectives": [{"mae": {"mask_ratio": 1.5}}]}, "mask_ratio", "1.5"),
    "task": ({"tasks": ["world/topc"]}, "unknown task 'world/topc'", "Did you mean 'world/topic'"),
    "protocol": (
        {"protocols": ["finetuning"]},
        "unknown protocol 'finetuning'",
        "Did you mean 'finetune'",
    ),
    "floor as protocol": ({"protocols": ["majority"]}, "floors are always run", "'majority'"),
    "noise": ({"noise": [{"typo": 0.1}]}, "unknown noise 'typo'", "Did you mean 'typos'"),
    "corpus": (
        {"corpus": {"sources": ["wrld"]}},
        "'wrld' is neither a corpus nor",
        "Did you mean 'world'",
    ),
    "row length": (
        {"corpus": {"sources": ["world"], "row_length": 256}},
        "corpus.row_length must be at most backbone.max_length 128, got 256",
    ),
    "text length": (
        {"backbone": {"max_length": 64}, "finetune": {"max_length": 100}},
        "finetune.max_length must be at most backbone.max_length 64, got 100",
    ),
    "teacher": (
        {"objectives": ["mlm", {"distill": {"teacher": "mlmm"}}]},
        "unknown teacher 'mlmm'",
        "Did you mean 'mlm'",
    ),
    "own teacher": ({"objectives": [{"distill": {"teacher": "distill"}}]}, "itself as teacher"),
    "circle": (
        {
            "objectives": [
                {"distill": {"teacher": "b", "label": "a"}},
                {"distill": {"teacher": "a", "label": "b"}},
            ]
        },
        "form a circle: a <- b <- a",
    ),
    "control": ({"control": "mlmm"}, "control must be one of", "Did you mean 'mlm'"),
    "claim's arm": (
        {"claims": [{"sentence": "x", "treatment": "may", "control": "mlm"}]},
        "claims[0].treatment",
        "Did you mean 'mae'",
    ),
    "claim's arm whose options are no longer a list": (
        {"claims": [{"sentence": "x", "treatment": "mae mask_ratio=0.5", "control": "mlm"}]},
        "claims[0].treatment",
        "Did you mean 'mae'",
    ),
    "claim's size": (
        {"claims": [{"sentence": "x", "treatment": "mae", "control": "mlm", "train_size": 7}]},
        "claims[0].train_size must be one of the study's train_sizes (20), got 7",
    ),
}


@pytest.mark.parametrize("test", ["non_inferiority", "equivalence"])
@pytest.mark.parametrize(
    ("margin", "got"), [({}, "but none is given"), ({"margin": 0}, "got 0"), ({"margin": 0.01}, "")]
)
def test_a_test_against_a_margin_has_one(test, margin, got):
    written = {"sentence": "x", "treatment": "mae", "control": "mlm", "test": test, **margin}
    fair = {**written, "test": "superiority"}
    if not got:
        planned(claims=[written])
        return
    with pytest.raises(SpecError, match=rf"claims\[1\]\.margin must be above 0 .*'{test}', {got}"):
        planned(claims=[fair, written])


@pytest.mark.parametrize("case", WRONG)
def test_wrong_names_are_answered_in_one_sentence(case):
    changes, *parts = WRONG[case]
    with pytest.raises(MaeBenchError) as caught:
        planned(**changes)
    text = str(caught.value)
    assert "\n" not in text
    for part in parts:
        assert part in text
