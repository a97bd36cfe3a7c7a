"""Mixtures and phases: each part is what it would be alone, and costs add up."""

import json

import pytest
import torch
from safetensors.torch import load_file
from small_blocks import BACKBONE, BATCH, L, V, run_pretraining, write_blocks

import mae_bench.pretraining.pretrain as loop
from mae_bench.costs import StepShape
from mae_bench.draws import Block, Draws
from mae_bench.errors import SpecError
from mae_bench.masking import CLS_ID, NUM_SPECIAL, SEP_ID
from mae_bench.model.backbone import build_backbone
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.specs import Budget

MIXED = {"parts": {"mlm": {"mask_ratio": 0.3}, "mae": {"weight": {"start": 1.0, "end": 0.0}}}}
STEPS = {"mae": {"share": 0.3}, "mlm": {"share": 0.7, "mask_ratio": 0.3}}
PHASES = {"steps": STEPS}
SHAPE = StepShape(BACKBONE, BATCH, L, V)


def make(name, options, backbone=BACKBONE, seed=0):
    kind = OBJECTIVES.get(name)
    parsed = parse_options(name, options)
    return kind(build_backbone(backbone, V, seed), backbone, parsed, seed=seed)


def block():
    ids = torch.randint(NUM_SPECIAL, V, (4, L), generator=torch.Generator().manual_seed(0))
    ids[:, 0], ids[:, -1] = CLS_ID, SEP_ID
    return Block(ids)


def draws(progress):
    return Draws(0, 0, torch.arange(4), progress)


def loss(objective, progress):
    with torch.no_grad():
        return float(objective(objective.corrupt(block(), draws(progress))).loss)


@pytest.mark.parametrize("progress", [0.0, 0.25, 1.0])
def test_a_mixture_is_the_weighted_sum_of_what_its_parts_are_alone(progress):
    mixed = make("mixture", MIXED)
    mlm, mae = make("mlm", {"mask_ratio": 0.3}), make("mae", {})
    wanted = loss(mlm, progress) + (1 - progress) * loss(mae, progress)
    assert loss(mixed, progress) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("name", ["mixture", "phases"])
def test_one_part_with_all_the_weight_is_that_objective_to_the_bit(tmp_path, name):
    write_blocks(tmp_path / "blocks")
    key = "parts" if name == "mixture" else "steps"
    alone = run_pretraining(tmp_path, "mlm")
    whole = run_pretraining(tmp_path, name, {key: {"mlm": 1.0}})
    first, second = (load_file(out / "model.safetensors") for out in (alone, whole))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_part_keeps_the_dropout_that_it_sets():
    """simcse turns dropout on; the mlm beside it must not get it."""
    mixed = make("mixture", {"parts": {"mlm": 1.0, "simcse": 1.0}}).train()
    view = mixed.corrupt(block(), draws(0.0))
    losses = [float(mixed(view).metrics["mlm loss"]) for _ in range(2)]
    assert losses[0] == losses[1] == pytest.approx(loss(make("mlm", {}), 0.0), rel=1e-6)
    assert len({float(mixed(view).metrics["simcse loss"]) for _ in range(3)}) == 3


def test_the_phase_follows_the_progress_and_the_last_one_evaluates():
    phased = make("phases", PHASES)
    mae, mlm = make("mae", {}), make("mlm", {"mask_ratio": 0.3})
    for progress, alone in ((0.0, mae), (0.2999, mae), (0.3, mlm), (0.9, mlm), (1.0, mlm)):
        assert loss(phased, progress) == pytest.approx(loss(alone, progress), rel=1e-6), progress


def test_a_phases_schedule_runs_over_the_phase():
    moving = {"mask_ratio": {"start": 0.5, "end": 0.1}}
    phased = make("phases", {"steps": {"mae": 0.5, "mlm": {"share": 0.5, **moving}}})
    assert loss(phased, 0.75) == pytest.approx(loss(make("mlm", moving), 0.5), rel=1e-6)
    assert loss(phased, 0.5) == pytest.approx(loss(make("mlm", moving), 0.0), rel=1e-6)


def test_shares_end_where_steps_begin():
    """.1 + .2 is above .3 in binary; step 3 of 10 belongs to the third phase all the same."""
    steps = {"a": 0.1, "b": 0.2, "c": 0.7}
    given = {label: {"objective": "mlm", "share": share} for label, share in steps.items()}
    options = parse_options("phases", {"steps": given, "resets_optimizer": True})
    assert [options.phase_at(step / 10) for step in range(11)] == [0, 1, 1] + [2] * 8
    assert OBJECTIVES.get("phases").requires(options).restarts_at == (0.1, 0.3)


def test_costs_add_up():
    def price(name, options):
        return OBJECTIVES.get(name).flops_per_step(parse_options(name, options), SHAPE)

    mae, mlm = price("mae", {}), price("mlm", {"mask_ratio": 0.3})
    mixed, phased = price("mixture", MIXED), price("phases", PHASES)
    for part in ("encoder", "decoder", "head"):
        one, other = getattr(mae, part), getattr(mlm, part)
        assert getattr(mixed, part) == pytest.approx(one + other)
        assert getattr(phased, part) == pytest.approx(0.3 * one + 0.7 * other)


def test_the_order_of_phases_is_part_of_what_they_are():
    """Ids sort the keys of mappings; the canonical steps are a list."""
    there, back = (parse_options("phases", {"steps": dict(items)}).canonical()
                   for items in (STEPS.items(), reversed(STEPS.items())))  # fmt: skip
    assert json.dumps(there, sort_keys=True) != json.dumps(back, sort_keys=True)
    mixed = parse_options("mixture", {"parts": dict(reversed(MIXED["parts"].items()))})
    assert mixed == parse_options("mixture", MIXED)


@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("kill_at", [0.25, 0.35])
def test_phases_resume_to_the_bit_over_a_border(tmp_path, monkeypatch, resets, kill_at):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", -1.0)
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_REPORTS", -1.0)
    write_blocks(tmp_path / "blocks")
    options = {**PHASES, "resets_optimizer": resets}
    whole = run_pretraining(tmp_path, "phases", options, name="whole")

    def cut(done, total, note=""):
        if done / total > kill_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_pretraining(tmp_path, "phases", options, name="cut", progress=cut)
    resumed = run_pretraining(tmp_path, "phases", options, name="cut")
    for name in ("model.safetensors", "objective.safetensors"):
        first, second = load_file(whole / name), load_file(resumed / name)
        assert first and all(torch.equal(first[key], second[key]) for key in first)


def test_resetting_the_optimizer_changes_what_follows_the_border(tmp_path):
    write_blocks(tmp_path / "blocks")
    curves = [
        json.loads(
            (run_pretraining(tmp_path, "phases", {**PHASES, "resets_optimizer": resets},
                             name=str(resets)) / "curve.json").read_text()
        )["loss"]
        for resets in (False, True)
    ]  # fmt: skip
    assert curves[0][:4] == curves[1][:4]  # the step at the border still has the old weights
    assert curves[0][4:] != curves[1][4:]


def test_a_mixture_pays_for_its_teacher(tmp_path):
    write_blocks(tmp_path / "blocks")
    teacher = run_pretraining(tmp_path, "mlm", name="teacher", budget=Budget(steps=2))
    pupil = {"objective": "distill", "teacher": "mlm", "amortise_over": 2}
    options = {"parts": {"pupil": pupil, "mlm": 0.5}}
    out = run_pretraining(tmp_path, "mixture", options, teacher=teacher, budget=Budget(steps=2))
    cost, paid = (json.loads((p / "cost.json").read_text()) for p in (out, teacher))
    assert cost["teacher_pretrain_flops"] == pytest.approx(paid["flops"] / 2)
    assert cost["flops_parts"]["teacher"] > 0
    saved = load_file(out / "objective.safetensors")
    assert saved and not any("teacher" in name or "backbone" in name for name in saved)


PUPIL = {"objective": "distill", "teacher": "x"}
WRONG = [
    ("mixture", {"parts": {"mlmm": {}}}, "part 'mlmm': unknown objective 'mlmm'"),
    ("mixture", {"parts": {"mlm": {"mask_rato": 0.1}}}, "part 'mlm': .* no option 'mask_rato'"),
    (
        "mixture",
        {"parts": {"mlm": {"weight": 0}}},
        "part 'mlm': weight: must be a number above 0 or .* got 0",
    ),
    ("mixture", {"parts": {"a": PUPIL, "b": PUPIL}}, "the parts a, b have a teacher each"),
    ("mixture", {"parts": {"random_init": {}}}, "'random_init' is not trained"),
    ("mixture", {"parts": {"mlm": {"weight": {"start": 1, "end": 0}}}}, "weights are 0 at the end"),
    ("mixture", {"parts": {"m": {"objective": "mixture", "parts": {"mlm": 1}}}}, "itself made of"),
    ("phases", {"steps": {"mlm": {}}}, "part 'mlm' has no share"),
    ("phases", {"steps": {"mlm": 0.5, "mae": 0.4}}, "must sum to 1, they sum to 0.9"),
    ("phases", {"steps": {"p": {"objective": "phases", "share": 1, **PHASES}}}, "phases itself"),
    ("phases", {"steps": {"mlm": {"share": 1, "mask_ratio": 0.001}}}, "part 'mlm': mask_ratio"),
]


@pytest.mark.parametrize(("name", "options", "text"), WRONG)
def test_parts_that_do_not_fit_are_refused(name, options, text):
    with pytest.raises(SpecError, match=text):
        OBJECTIVES.get(name).check(parse_options(name, options), BACKBONE, L)


def test_a_part_that_changes_the_shared_encoder_is_refused():
    options = {"steps": {"causal": {"share": 0.5, "keep_mask": True}, "mlm": 0.5}}
    with pytest.raises(SpecError, match="'causal' makes another encoder"):
        make("phases", options)


def test_a_mixture_may_be_a_phase():
    phased = make("phases", {"steps": {"both": {"objective": "mixture", "share": 0.5, **MIXED},
                                       "mlm": 0.5}})  # fmt: skip
    assert loss(phased, 0.25) == pytest.approx(loss(make("mixture", MIXED), 0.5), rel=1e-6)
