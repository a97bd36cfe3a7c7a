"""What a CUDA GPU must give that a CPU gives: the same masks, near losses, whole studies."""

import json

import numpy as np
import pytest
import torch
from objective_cases import CASES
from test_objectives_contract import IDS, make, teacher

from mae_bench import run_study
from mae_bench.contract.fixtures import rows as blocks
from mae_bench.contract.views import tensors
from mae_bench.draws import Draws
from mae_bench.masking import MASKINGS
from mae_bench.model.attention import to_device
from mae_bench.model.backbone import Backbone
from mae_bench.objectives.base import Block
from mae_bench.planning.study import load_study
from mae_bench.results import load_rows

__all__ = ["teacher"]
pytestmark = pytest.mark.gpu

STUDY = """\
name: cuda
backbone: {num_layers: 1, hidden_size: 32, num_heads: 2, max_length: 32}
corpus: {sources: [world], tokens: 10_000, tokenizer: {vocab_size: 400}, row_length: 32}
pretrain: {budget: {steps: 40}, batch_rows: 8, precision: fp32}
objectives: [mlm, mae, {distill: {teacher: mlm}}]
tasks: [world/topic, world/similarity]
protocols: [finetune, linear_probe]
train_sizes: [50]
noise: [clean, {typos: 0.1}]
seeds: 2
finetune: {learning_rates: [1e-3], epochs: 1, min_steps: 10, max_length: 32, precision: fp32}
linear_probe: {max_length: 32, precision: fp32}
"""


def on(device, block):
    is_pad = None if block.is_pad is None else block.is_pad.to(device)
    return Block(block.ids.to(device), is_pad)


def draws_on(device):
    return Draws(0, 0, torch.arange(6, device=device))


@pytest.mark.parametrize("is_padded", [False, True])
@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_rows_are_corrupted_as_on_a_cpu(name, options, is_padded, teacher):
    block = blocks(is_padded)
    here = tensors(make(name, options, teacher).corrupt(block, draws_on("cpu")))
    objective = to_device(make(name, options, teacher), "cuda")
    there = tensors(objective.corrupt(on("cuda", block), draws_on("cuda")))
    assert here.keys() == there.keys()
    for key, value in here.items():
        on_gpu = there[key].cpu()
        if value.is_floating_point():
            torch.testing.assert_close(on_gpu, value, rtol=1e-5, atol=1e-6)
        else:
            assert torch.equal(on_gpu, value), key


@pytest.mark.parametrize("masking", MASKINGS.names())
def test_every_masking_hides_the_same_tokens(masking, teacher):
    block = blocks(True)
    here = make("mlm", {"masking": masking}, teacher).corrupt(block, draws_on("cpu"))
    objective = to_device(make("mlm", {"masking": masking}, teacher), "cuda")
    there = objective.corrupt(on("cuda", block), draws_on("cuda"))
    assert torch.equal(here.target_positions, there.target_positions.cpu())
    assert torch.equal(here.input_ids, there.input_ids.cpu())


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_loss_and_gradient_are_near_those_of_a_cpu(name, options, teacher, monkeypatch):
    """Without dropout, which the two devices draw from different generators."""
    objectives = {
        device: to_device(make(name, options, teacher), device) for device in ("cpu", "cuda")
    }
    for objective in objectives.values():
        objective.eval()
        objective.backbone.set_dropout(0.0)
    # views by dropout turn it on in evaluation too
    monkeypatch.setattr(Backbone, "set_dropout", lambda self, ratio: None)
    monkeypatch.setattr(Backbone, "set_layer_dropout", lambda self, ratio: None)
    loss_and_norm = {}
    for device, objective in objectives.items():
        loss = objective(objective.corrupt(on(device, blocks(True)), draws_on(device))).loss
        loss.backward()
        grads = [
            p.grad.float().norm() for p in objective.backbone.parameters() if p.grad is not None
        ]
        loss_and_norm[device] = (loss.item(), torch.stack(grads).norm().item())
    assert loss_and_norm["cuda"][0] == pytest.approx(loss_and_norm["cpu"][0], rel=1e-4, abs=1e-5)
    assert loss_and_norm["cuda"][1] == pytest.approx(loss_and_norm["cpu"][1], rel=1e-3, abs=1e-5)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_a_step_in_half_precision_is_finite(name, options, teacher):
    objective = to_device(make(name, options, teacher), "cuda").train()
    with torch.autocast("cuda", torch.bfloat16):
        loss = objective(objective.corrupt(on("cuda", blocks(False)), draws_on("cuda"))).loss
    loss.backward()
    objective.after_step()
    assert np.isfinite(loss.item())
    assert all(p.grad is None or p.grad.isfinite().all() for p in objective.parameters())


def test_a_study_gives_near_scores_and_the_same_costs(tmp_path):
    path = tmp_path / "cuda.yaml"
    path.write_text(STUDY)
    columns = ["task", "protocol", "train_size", "noise", "arm", "seed", "metric"]
    rows = {}
    for device in ("cpu", "cuda"):
        home = tmp_path / device
        run_study(load_study(path), home=home, device=device, workers=2)
        rows[device] = load_rows(home / "studies" / "cuda").set_index(columns).sort_index()
    here, there = rows["cpu"], rows["cuda"]
    assert (here.index == there.index).all() and there["value"].notna().all()
    assert (here["pretrain_flops"].fillna(0) == there["pretrain_flops"].fillna(0)).all()
    assert (here["value"] - there["value"]).abs().mean() < 0.02
    for device in ("cpu", "cuda"):
        costs = list((tmp_path / device / "artefacts/pretrain").glob("*/cost.json"))
        assert {json.loads(cost.read_text())["device"] for cost in costs} == {device}
