"""The optimisers: every number of a recipe acts, and acts as it says."""

import json
import math
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from small_blocks import BATCH, L, run_pretraining, write_blocks
from small_cases import save_encoder, small_spec, small_task

import mae_bench.pretraining.pretrain as loop
import mae_bench.protocols.finetune as finetune
import mae_bench.protocols.finetuner as finetuner
import mae_bench.protocols.strategies as strategies
from mae_bench.costs import steps_for
from mae_bench.pretraining.step import Step
from mae_bench.specs import Budget, PretrainRecipe
from mae_bench.training.optim import linear_schedule

PEAK = 1e-3


@pytest.fixture
def folder(tmp_path):
    write_blocks(tmp_path / "blocks")
    return tmp_path


def losses(out):
    return json.loads((out / "curve.json").read_text())["loss"]


def rates_of(folder, monkeypatch, **recipe):
    """Return the learning rate of every step, under a clock that moves by itself."""
    rates, now = [], [0.0]

    def tick():
        now[0] += 0.05
        return now[0]

    real = loop.set_lr
    with monkeypatch.context() as patched:
        patched.setattr(loop, "time", SimpleNamespace(perf_counter=tick))
        patched.setattr(
            loop, "set_lr", lambda optimizer, lr: rates.append(lr) or real(optimizer, lr)
        )
        run_pretraining(folder, "mlm", peak_lr=PEAK, warmup_ratio=0.25, **recipe)
    return rates


@pytest.mark.parametrize("budget", [{"steps": 40}, {"tokens": 40 * BATCH * L}, {"seconds": 8.0}])
def test_the_rate_warms_up_and_decays_under_every_budget(folder, monkeypatch, budget):
    rates = rates_of(folder, monkeypatch, budget=Budget(**budget))
    assert len(rates) > 20
    top = rates.index(max(rates))
    assert 0.2 <= top / len(rates) <= 0.3
    assert rates[:top] == sorted(rates[:top]) and rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[0] < 0.15 * PEAK and rates[-1] < 0.1 * PEAK and max(rates) > 0.9 * PEAK
    middle = sum(rates) / len(rates)  # that of a triangle
    assert middle == pytest.approx(PEAK / 2, rel=0.1)


def weights(folder, name, **recipe):
    steps = recipe.pop("budget", Budget(steps=1))
    return load_file(
        run_pretraining(folder, "mlm", name=name, budget=steps, **recipe) / "model.safetensors"
    )


def change(after, before):
    """Return the largest change of each tensor."""
    return {name: float((after[name] - before[name]).abs().max()) for name in before}


def test_the_first_step_of_adam_moves_each_weight_by_the_rate(folder):
    """With bias correction, whatever the betas: the step is the rate times the sign."""
    start = load_file(run_pretraining(folder, "random_init") / "model.safetensors")
    for betas in ({}, {"beta1": 0.5, "beta2": 0.6}):
        name = f"step {betas}"
        moved = change(
            weights(folder, name, peak_lr=PEAK, weight_decay=0.0, eps=1e-12, warmup_ratio=1.0,
                    **betas),
            start,
        )  # fmt: skip
        # one step in the middle of a warm-up that takes all of the budget
        assert max(moved.values()) == pytest.approx(PEAK / 2, rel=1e-3)


def test_weights_decay_by_rate_times_weight_and_vectors_do_not(folder):
    start = load_file(run_pretraining(folder, "random_init") / "model.safetensors")
    recipe = {"peak_lr": PEAK, "warmup_ratio": 1.0}
    plain = weights(folder, "plain", weight_decay=0.0, **recipe)
    decayed = weights(folder, "decayed", weight_decay=10.0, **recipe)
    for name, before in start.items():
        lost = plain[name] - decayed[name]
        wanted = PEAK / 2 * 10.0 * before if before.ndim >= 2 else torch.zeros_like(before)
        torch.testing.assert_close(lost, wanted, atol=1e-6, rtol=1e-3)


def test_gradients_are_clipped_to_the_norm_of_the_recipe(folder, monkeypatch):
    norms = []
    real = torch.optim.AdamW.step

    def step(optimizer, *args, **kwargs):
        grads = [p.grad for group in optimizer.param_groups for p in group["params"]]
        norms.append(math.sqrt(sum(float(g.square().sum()) for g in grads if g is not None)))
        return real(optimizer, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    run_pretraining(folder, "mlm", name="free", clip_norm=1e6, budget=Budget(steps=3))
    free = list(norms)
    norms.clear()
    run_pretraining(folder, "mlm", name="clipped", clip_norm=0.1, budget=Budget(steps=3))
    assert min(free) > 0.2
    assert norms == pytest.approx([0.1] * 3, rel=1e-3)


def test_a_step_follows_the_gradient_of_its_own_batch_alone(folder, monkeypatch):
    """At a rate that moves nothing, the same rows under the same masks have the same gradient."""
    grads = []
    real = torch.optim.AdamW.step

    def step(optimizer, *args, **kwargs):
        (first, *_) = (p for group in optimizer.param_groups for p in group["params"])
        grads.append(first.grad.clone())
        return real(optimizer, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    view = {}
    real_view = Step.view
    monkeypatch.setattr(
        Step, "view", lambda run, *args: view.setdefault("first", real_view(run, *args))
    )
    run_pretraining(folder, "mlm", peak_lr=1e-12, clip_norm=1e6, budget=Budget(steps=3))
    torch.testing.assert_close(grads[1], grads[0])
    torch.testing.assert_close(grads[2], grads[0])


OTHER_VALUES = {
    "peak_lr": 1e-4,
    "warmup_ratio": 0.7,
    "weight_decay": 5.0,
    "beta1": 0.5,
    "beta2": 0.6,
    "eps": 1e-2,
    "clip_norm": 1e-7,
    "batch_rows": 6,
    "precision": "bf16",
    "budget": Budget(steps=4),
    "optimizer": "muon",
}


@pytest.mark.parametrize("name", list(PretrainRecipe.model_fields))
def test_every_value_of_the_recipe_acts(folder, name):
    usual = run_pretraining(folder, "mlm", name="usual", budget=Budget(steps=5))
    changed = run_pretraining(
        folder, "mlm", name="changed", **{"budget": Budget(steps=5), name: OTHER_VALUES[name]}
    )
    assert losses(usual)[-1] != losses(changed)[-1]


def test_a_point_of_the_curve_is_the_mean_loss_since_the_one_before(folder, monkeypatch):
    seen, steps = [], 11
    real = torch.Tensor.backward
    monkeypatch.setattr(loop, "CURVE_POINTS", 3)  # one in three steps

    def backward(loss, *args, **kwargs):
        seen.append(float(loss.detach()))
        return real(loss, *args, **kwargs)

    monkeypatch.setattr(torch.Tensor, "backward", backward)
    out = run_pretraining(folder, "mlm", budget=Budget(steps=steps))
    curve = json.loads((out / "curve.json").read_text())
    assert curve["step"] == [3, 6, 9, 11]
    begin = 0
    for end, loss in zip(curve["step"], curve["loss"], strict=True):
        assert loss == pytest.approx(sum(seen[begin:end]) / (end - begin), rel=1e-4)
        begin = end
    assert begin == steps == len(seen)


def test_a_budget_buys_whole_steps_and_never_more_than_it_pays_for():
    for tokens, steps in ((100, 1), (199, 1), (200, 2), (299, 2)):
        assert steps_for(Budget(tokens=tokens), 10.0, 100) == steps
    for flops, spent, steps in ((19.0, 0.0, 1), (20.0, 0.0, 2), (29.9, 0.0, 2), (35.0, 6.0, 2)):
        assert steps_for(Budget(flops=flops), 10.0, 100, spent) == steps


PHASES = {"steps": {"mlm": {"share": 0.5}, "mae": {"share": 0.5}}, "resets_optimizer": True}


def test_the_moments_are_forgotten_before_the_first_step_of_a_phase(folder, monkeypatch):
    ages = []
    real = torch.optim.AdamW.step

    def step(optimizer, *args, **kwargs):
        ages.append(max((float(s["step"]) for s in optimizer.state.values()), default=0.0))
        return real(optimizer, *args, **kwargs)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    run_pretraining(folder, "phases", PHASES, budget=Budget(steps=6))
    assert ages == [0, 1, 2, 0, 1, 2]


def test_a_fine_tune_trains_all_weights_at_the_rates_of_the_schedule(tmp_path, monkeypatch):
    encoder, data = save_encoder(tmp_path), small_task("classify")
    rates, models = [], []
    real, build = finetuner.set_lr, strategies.TaskModel
    monkeypatch.setattr(
        finetuner, "set_lr", lambda optimizer, lr: rates.append(lr) or real(optimizer, lr)
    )
    monkeypatch.setattr(
        strategies, "TaskModel", lambda *a, **k: models.append(build(*a, **k)) or models[-1]
    )
    recipe = {"learning_rates": (PEAK,), "min_steps": 10, "warmup_ratio": 0.2}
    spec = small_spec("finetune", data, recipe=recipe)
    finetune.run(spec, checkpoint=encoder, task=data, device="cpu", progress=lambda *_: None)
    wanted = [PEAK * linear_schedule((step + 0.5) / 10, 0.2) for step in range(10)]
    assert rates == pytest.approx(wanted) and min(rates) > 0
    before = load_file(encoder / "model.safetensors")
    after = models[0].backbone.encoder.state_dict()
    assert before.keys() == after.keys()
    for name, value in before.items():
        assert not torch.equal(after[name], value), name
