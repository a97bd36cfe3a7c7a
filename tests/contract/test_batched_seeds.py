"""Seeds trained as one program learn what each learns alone, for every registered objective.

In fp32 on a CPU, losses agree within 1e-4 of their size (or 1e-6) and weights within 1e-4 after
21 steps; what is seen is a thousandth of that. Operations are the same, sums are added in another
order. A loss that picks a token by its logits (rtd) would move on, did rounding ever change one.
"""

import dataclasses
import json
import math

import pytest
import torch
from objective_cases import CASES
from safetensors.torch import load_file
from small_blocks import BACKBONE, run_pretraining, seed_of, write_blocks
from test_objectives_contract import IDS
from test_recorded_steps import HostWatch

import mae_bench.pretraining.run as running
from mae_bench.data.blocks import load_blocks
from mae_bench.draws import Draws
from mae_bench.objectives.base import OBJECTIVES, Objective
from mae_bench.objectives.view_tensors import tensors, with_tensors
from mae_bench.pretraining.batchable import why_not_batched
from mae_bench.pretraining.device_rows import ResidentRows
from mae_bench.pretraining.run import Run
from mae_bench.pretraining.seeds_step import SeedBatches, SeedsStep
from mae_bench.pretraining.together import pretrain_together
from mae_bench.specs import BackboneSpec, Budget

SEEDS = (0, 7)
STEPS = Budget(steps=21)
FIRST = {name: options for name, options in reversed(CASES)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds")
    write_blocks(folder / "blocks")
    run_pretraining(folder, "mlm", name="teacher", budget=Budget(steps=2))
    return folder


def given(folder, name, options, kind, **changes):
    """Return what each seed is to do."""
    teacher = folder / "teacher" if "teacher" in json.dumps(options) else None
    return [
        seed_of(folder, name, options, name=f"{name} {kind} {seed}", teacher=teacher, seed=seed,
                budget=STEPS, **changes)
        for seed in SEEDS
    ]  # fmt: skip


def read(seed, name):
    return json.loads((seed.folders.out / name).read_text())


def same_weights(one, other, atol):
    for file in ("model.safetensors", "objective.safetensors"):
        own, others = (load_file(each.folders.out / file) for each in (one, other))
        assert own.keys() == others.keys()
        for key, value in own.items():
            assert torch.allclose(value, others[key], rtol=0, atol=atol), (file, key)


@pytest.mark.parametrize("name", [name for name, kind in OBJECTIVES if kind.is_trained])
def test_seeds_together_learn_what_each_learns_alone(name, folder):
    options = FIRST[name] if name != "simcse" else {"view": "spans", "mlm_weight": 0.5}
    together, alone = (given(folder, name, options, kind) for kind in ("together", "alone"))
    assert why_not_batched(together[0].spec) == ""
    pretrain_together(together, device="cpu")
    for group, single in zip(together, alone, strict=True):
        run_pretraining(
            folder, name, options, name=single.folders.out.name, seed=single.spec.seed,
            teacher=single.folders.teacher, budget=STEPS,
        )  # fmt: skip
        losses = [read(each, "curve.json")["loss"] for each in (group, single)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-4, abs=1e-6)
        same_weights(group, single, 1e-4)
        costs = [read(each, "cost.json") for each in (group, single)]
        assert [cost["seeds_together"] for cost in costs] == [len(SEEDS), 1]
        for fact in ("tokens", "steps", "flops", "params_objective", "micro_batch_rows"):
            assert costs[0][fact] == costs[1][fact], fact
        assert costs[0]["validation_loss"] == pytest.approx(costs[1]["validation_loss"], rel=1e-3)


@pytest.mark.parametrize("is_padded", [True, False])
@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_a_step_gives_each_seed_its_own_loss_and_gradient(
    name, options, is_padded, folder, monkeypatch
):
    """On what a single step sees; and nothing waits for the host, as a graph could not."""
    seeds = given(folder, name, options, "step")
    if why_not_batched(seeds[0].spec) or not (is_padded or options is FIRST[name]):
        return
    monkeypatch.setattr(running, "Checkup", lambda *_: None)  # most of the time, and no step
    step, runs = step_of(seeds, is_padded)
    epoch, index = step.batches.at(2)
    plain = [
        run.objective.corrupt(step.batches.block(rows), draws(run, epoch, rows))
        for run, rows in zip(runs, index, strict=True)
    ]
    wanted = [gradients(run.objective, view) for run, view in zip(runs, plain, strict=True)]
    with HostWatch():
        progress = 0.4 if step.requires.follows_progress else math.nan
        view = step.view(torch.full((), epoch), index, progress)
        step.gradients([lambda: step.output(view, step.forward)])
    for i, (loss, by_name) in enumerate(wanted):
        assert float(step.loss_sum[i]) == pytest.approx(loss, rel=1e-5)
        got = {n: p.grad[i] for n, p in step.stack.trained.items() if p.grad is not None}
        assert got.keys() == by_name.keys()
        for key, value in by_name.items():
            assert torch.allclose(got[key], value, rtol=1e-3, atol=2e-6), key
        own = with_tensors(view, {key: value[i] for key, value in tensors(view).items()})
        for key, value in tensors(plain[i]).items():
            assert torch.equal(tensors(own)[key], value), f"another {key} than alone"


def step_of(seeds, is_padded):
    data = load_blocks(seeds[0].folders.blocks)
    if not is_padded:
        data = dataclasses.replace(data, rows=data.rows[::4], has_pads=False)
    runs = []
    for seed in seeds:
        recipe = seed.spec.recipe.model_copy(update={"batch_rows": 3})
        spec = seed.spec.model_copy(update={"recipe": recipe})
        runs.append(Run(spec, data, seed.folders, seed.folders.teacher, "cpu"))
    orders = [run.order for run in runs]
    batches = SeedBatches(data, orders, "cpu", 1)
    batches.rows = ResidentRows(data.rows, "cpu")  # as on a card
    step = SeedsStep(runs, batches)
    for run in runs:
        run.objective.train()
    return step, runs


def draws(run, epoch, rows):
    return Draws(run.spec.seed, epoch, rows, 0.4)


def gradients(objective, view):
    objective.zero_grad()
    output = objective(view)
    output.loss.backward()
    named = objective.named_parameters()
    return float(output.loss.detach()), {n: p.grad for n, p in named if p.grad is not None}


@pytest.mark.parametrize(
    ("name", "changes", "why"),
    [
        ("simcse", {}, "its dropout"),
        ("mlm", {"backbone": BACKBONE.model_copy(update={"dropout": 0.1})}, "its dropout"),
        ("mlm", {"optimizer": "muon"}, "its optimizer is muon"),
        ("mlm", {"backbone": BackboneSpec(arch="gru", hidden_size=32)}, "arch 'gru'"),
        ("random_init", {}, "nothing is trained"),
    ],
)
def test_what_is_trained_seed_by_seed_says_why(name, changes, why, tmp_path):
    assert why in why_not_batched(seed_of(tmp_path, name, **changes).spec)


def test_seconds_are_not_shared(tmp_path):
    spec = seed_of(tmp_path, "mlm", budget=Budget(seconds=1.0)).spec
    assert "seconds" in why_not_batched(spec)


def test_a_part_speaks_for_the_whole(tmp_path, monkeypatch):
    spec = seed_of(tmp_path, "mixture", {"parts": {"mlm": {}, "mae": {}}}).spec
    assert why_not_batched(spec) == ""
    monkeypatch.setattr(OBJECTIVES.get("mae"), "why_not_batched", "it keeps a count")
    assert why_not_batched(spec) == "it keeps a count"
    assert Objective.why_not_batched  # of what never heard of it
