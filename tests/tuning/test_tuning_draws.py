"""Draws, plans of trials, and the sums of an outcome; nothing is trained here."""

import inspect
import warnings

import optuna
import pytest

from mae_bench.errors import SpecError
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.runner.session import Session
from mae_bench.specs import PEAK_LR, EvaluateSpec, PretrainSpec, TuningSpec
from mae_bench.tuning import load_outcome, prepared_stages, tune
from mae_bench.tuning.draw import draw, is_empty, sampler_of, space_of
from mae_bench.tuning.outcome import Outcome, best_of, save_outcome
from mae_bench.tuning.trials import arm_keys, base_plan, trial_plan, trial_study

RAW = {
    "name": "small",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2},
    "corpus": {"sources": ["world"], "tokens": 20_000, "row_length": 32},
    "pretrain": {"budget": {"steps": 40}, "batch_rows": 8},
    "objectives": ["mlm", {"mae": {"mask_ratio": 0.5}}, {"distill": {"teacher": "mlm"}}],
    "tasks": ["world/topic"],
    "train_sizes": [20, 50],
    "noise": ["clean", {"typos": 0.1}],
    "seeds": 3,
    "tuning": {"trials": 4, "budget": {"steps": 7}, "train_size": 30, "tasks": ["world/sentiment"]},
}


def study(**changes):
    return study_of({**RAW, **changes})


def tuning(**changes):
    return study(tuning={**RAW["tuning"], **changes})


def spaces(asked):
    arms = {arm.label: arm for arm in asked.objectives}
    return {label: space_of(arm, asked.pretrain, asked.tuning) for label, arm in arms.items()}


def finished(trial, value):
    return optuna.trial.create_trial(
        params=trial.params,
        distributions=trial.distributions,
        value=value,
        user_attrs=trial.user_attrs,
    )


def tuned_by(spec, space, start=(), number=10):
    """Return trials up to a number after those of a start, their value a peak at 3e-3."""
    history = list(start)
    while len(history) < number:
        trial = draw(spec, len(history), history, space)
        history.append(finished(trial, -abs(trial.params[PEAK_LR] - 3e-3)))
    return history


@pytest.mark.parametrize("sampler", ["random", "tpe"])
@pytest.mark.parametrize("stop", [1, 4, 7])
def test_a_resumed_tuning_draws_the_same(sampler, stop):
    spec = TuningSpec(trials=10, sampler=sampler)
    space = spaces(study())["mlm"]
    whole = tuned_by(spec, space)
    assert len({trial.params[PEAK_LR] for trial in whole}) == 10  # no value is repeated
    again = tuned_by(spec, space, whole[:stop])
    assert [trial.params for trial in again] == [trial.params for trial in whole]


def test_tpe_learns_and_random_does_not():
    space = spaces(study())["mlm"]
    better = [finished(t, -t.params[PEAK_LR]) for t in tuned_by(TuningSpec(trials=10), space)]
    random, tpe = (TuningSpec(trials=10, sampler=name) for name in ("random", "tpe"))
    other = tuned_by(random, space)
    assert draw(random, 10, other, space).params == draw(random, 10, better, space).params
    assert draw(tpe, 5, other[:5], space).params != draw(tpe, 5, better[:5], space).params


def test_a_seed_of_its_own_for_each_trial_and_section():
    space = spaces(study())["mlm"]
    drawn = {
        (seed, number): draw(TuningSpec(seed=seed), number, (), space).params[PEAK_LR]
        for seed in (0, 1)
        for number in (0, 1)
    }
    assert len(set(drawn.values())) == 4


def test_every_arm_tries_the_same_rates_at_random():
    drawn = [
        [draw(TuningSpec(), n, (), space).params[PEAK_LR] for n in range(5)]
        for space in spaces(study()).values()
    ]
    assert drawn[0] == drawn[1] == drawn[2]
    assert all(0.5e-3 <= rate <= 8e-3 for rate in drawn[0])


def test_what_the_study_fixes_is_not_drawn():
    by_arm = spaces(study())
    trial = draw(TuningSpec(), 0, (), by_arm["mae"])
    assert set(trial.params) == {PEAK_LR, "decoder_layers"}
    assert set(trial.user_attrs["options"]) == {PEAK_LR, "decoder_layers"}
    assert "teacher" not in draw(TuningSpec(), 0, (), by_arm["distill"]).user_attrs["options"]
    assert "mask_ratio" in draw(TuningSpec(), 0, (), by_arm["mlm"]).params


@pytest.mark.parametrize(
    ("name", "fixed", "drawn"),
    [
        ("mlm", {"corrupt_ratio": 0.4, "predict_ratio": 0.2}, set()),
        ("mlm", {"corrupt_ratio": 0.4, "loss_on": "all"}, set()),
        ("mlm", {"corrupt_ratio": 0.4}, {"mask_ratio"}),
        ("distill", {"teacher": "mlm", "soft_weight": 0.0}, {"mask_ratio"}),
        ("distill", {"teacher": "mlm"}, {"mask_ratio", "temperature"}),
        ("simcse", {"dropout": 0.2}, {"temperature"}),
        ("simcse", {}, {"view", "temperature"}),
    ],
)
def test_what_cannot_stand_beside_what_is_fixed_is_not_drawn(name, fixed, drawn):
    space = spaces(study(objectives=["mlm", {name: {"label": "arm", **fixed}}]))["arm"]
    for number in range(4):
        trial = draw(TuningSpec(trials=4), number, [], space)
        assert set(trial.params) == drawn | {PEAK_LR}
        parse_options(name, {**fixed, **{k: trial.params[k] for k in drawn}})


def test_a_factor_of_one_keeps_the_rate_and_may_leave_nothing_to_choose():
    asked = study(
        objectives=["random_init", "mlm", {"mlm": {"mask_ratio": 0.3, "label": "fixed"}}],
        tuning={"peak_lr_factor": 1},
    )
    by_arm = spaces(asked)
    assert {label: is_empty(space) for label, space in by_arm.items()} == {
        "random_init": True,
        "mlm": False,
        "fixed": True,
    }
    assert set(draw(asked.tuning, 0, (), by_arm["mlm"]).params) == {"mask_ratio"}


def test_an_arm_with_fixed_options_is_tuned_like_the_others():
    asked = study(objectives=["random_init", {"mlm": {"mask_ratio": 0.3}}])
    by_arm = spaces(asked)
    assert set(draw(asked.tuning, 0, (), by_arm["mlm"]).params) == {PEAK_LR}
    assert is_empty(by_arm["random_init"])  # never trained: no rate can matter


@pytest.mark.parametrize("name", [name for name, _ in OBJECTIVES])
def test_what_is_drawn_is_valid_and_can_be_written_by_hand(name):
    required = OBJECTIVES.get(name).example
    asked = study(objectives=["mlm", {name: {**required, "label": "x"}}])
    for number in range(20):
        options = draw(TuningSpec(), number, (), spaces(asked)["x"]).user_attrs["options"]
        for value in options.values():
            assert not isinstance(value, float) or float(f"{value:.4g}") == value
        options.pop(PEAK_LR, None)
        parse_options(name, {**required, **options})


@pytest.mark.parametrize("name", ["random", "tpe"])
def test_every_argument_of_a_sampler_is_written_out(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sampler = sampler_of(TuningSpec(sampler=name), 0)
    source = inspect.getsource(sampler_of)
    for argument in set(inspect.signature(type(sampler).__init__).parameters) - {"self"}:
        assert f"{argument}=" in source


def test_a_trial_reads_no_test_split_and_costs_its_budget():
    asked = study()
    for label in ("mlm", "mae", "distill"):
        plan = trial_plan(trial_study(asked), None, label, 3, {PEAK_LR: 1e-3})
        cells = [cell.arm.label for cell in plan.cells]
        assert cells == [label]
        kinds = [stage.kind for stage in plan.stages]
        assert kinds.count("pretrain") == (2 if label == "distill" else 1)
        for stage in plan.stages:
            if isinstance(stage.spec, EvaluateSpec):
                assert stage.spec.selection_only
                assert (stage.spec.task, stage.spec.train_size) == ("world/sentiment", 30)
                assert stage.label.endswith("(trial 3)")
            if isinstance(stage.spec, PretrainSpec):
                assert stage.spec.recipe.budget == asked.tuning.budget
        seen = set()
        for stage in plan.stages:
            assert set(stage.needs) <= seen
            seen.add(stage.key)
    ordinary = {stage.key for stage in make_plan(asked, None).stages}
    evaluations = {stage.key for stage in plan.stages if stage.kind == "evaluate"}
    assert not evaluations & ordinary


def test_a_trial_of_a_variant_has_the_rest_of_its_recipe_from_the_protocol():
    recipes = {"finetune": {"epochs": 7}, "finetune/slow": {"learning_rates": [1e-5]}}
    asked = study(
        recipes={**recipes, "linear_probe": {"max_iter": 50}},
        protocols=["finetune/slow", "linear_probe"],
        tuning={**RAW["tuning"], "protocol": "finetune/slow"},
    )
    assert set(trial_study(asked).recipes) == set(recipes)
    plan = trial_plan(trial_study(asked), None, "mlm", 0, {})
    (spec,) = [stage.spec for stage in plan.stages if stage.kind == "evaluate"]
    assert (spec.recipe["epochs"], spec.recipe["learning_rates"]) == (7, [1e-5])


def test_the_teacher_of_a_trial_is_as_the_study_writes_it():
    plans = [
        trial_plan(trial_study(study()), None, "distill", 0, {PEAK_LR: rate, "mask_ratio": 0.4})
        for rate in (1e-3, 4e-3)
    ]
    taught = [
        {s.id for s in plan.stages if s.kind == "pretrain" and s.spec.objective == "mlm"}
        for plan in plans
    ]
    assert taught[0] == taught[1] and len(taught[0]) == 1


def test_a_chosen_rate_enters_the_ids_of_its_arm_alone():
    asked = study(objectives=["mlm", "mae"])
    plain, tuned = make_plan(asked, None), make_plan(asked, None, {"mae": {PEAK_LR: 5e-3}})
    for before, after in zip(plain.cells, tuned.cells, strict=True):
        assert (before.evaluate == after.evaluate) == (before.arm.label != "mae")
    rates = {
        stage.spec.objective: stage.spec.recipe.peak_lr
        for stage in tuned.stages
        if isinstance(stage.spec, PretrainSpec) and stage.spec.objective != "random_init"
    }
    assert rates == {"mlm": asked.pretrain.peak_lr, "mae": 5e-3}
    assert study_of(tuned.study.model_dump(mode="json")) == tuned.study  # as it is stored


def keys(asked, tmp_path):
    session = Session(asked, home=tmp_path, device="cpu")
    return arm_keys(session, base_plan(session))


def test_keys_change_with_the_section_and_stay_with_other_arms(tmp_path):
    before = keys(study(), tmp_path)
    assert len(set(before.values())) == 3
    more = keys(study(objectives=[*RAW["objectives"], "simcse"]), tmp_path)
    assert before.items() <= more.items()
    for changes in ({"trials": 5}, {"budget": {"steps": 8}}, {"seed": 1}, {"sampler": "tpe"}):
        assert not set(before.values()) & set(keys(tuning(**changes), tmp_path).values())
    # a default written out is the same run but nothing to choose any more
    fixed = keys(study(objectives=[{"mlm": {"mask_ratio": 0.15}}]), tmp_path)
    assert fixed["mlm"] != before["mlm"]
    seeds = keys(study(seeds=9, train_sizes=[10]), tmp_path)
    assert seeds == before


def outcome(session):
    arms = {
        label: {"key": key, "chosen": {PEAK_LR: 1e-3}, "value": 0.5}
        for label, key in arm_keys(session, base_plan(session)).items()
    }
    return Outcome(sampler="random", trials=4, arms=arms)


def test_an_outcome_of_another_section_is_not_used(tmp_path):
    session = Session(study(), home=tmp_path, device="cpu")
    assert load_outcome(session) is None
    save_outcome(session, outcome(session))
    assert load_outcome(session) == outcome(session)
    assert load_outcome(Session(tuning(trials=9), home=tmp_path, device="cpu")) is None
    (session.folder / "tuned.json").write_text('{"arms": 1}')
    assert load_outcome(session) is None


def test_what_must_be_fetched_includes_the_tasks_of_tuning(tmp_path):
    stages = prepared_stages(Session(study(), home=tmp_path, device="cpu"))
    assert [stage.kind for stage in stages] == ["tokenizer", "blocks", "task"]
    assert stages[-1].spec == {"task": "world/sentiment"}


def test_the_error_for_a_missing_section_shows_how_to_write_one(tmp_path):
    with pytest.raises(SpecError, match="has no `tuning:` section; add one, such as"):
        tune(Session(study(tuning=None), home=tmp_path, device="cpu"))


def test_the_expected_best_of_k():
    assert best_of([1.0, 0.0]) == (0.5, 0.75)
    assert best_of([0.3] * 3) == pytest.approx((0.3,) * 3)
    assert best_of([None, 0.0, 1.0, 1.0])[0] == 0.5  # a failed trial is as bad as the worst
    assert best_of([None, None]) == ()
    curve = best_of([0.2, 0.9, 0.4, 0.7])
    assert list(curve) == sorted(curve) and curve[0] == pytest.approx(0.55) and curve[-1] < 0.9
