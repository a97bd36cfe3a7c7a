"""Muon for the matrices of layers, AdamW for the rest, under one rate."""

import pytest
import torch
from torch import nn

from mae_bench.specs import PretrainRecipe
from mae_bench.training.muon import MuonWithAdamW, make_muon
from mae_bench.training.optim import forget_moments, set_lr

V, D = 30, 8


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(V, D)
        self.positions = nn.Embedding(6, D)
        self.layer = nn.Linear(D, 2 * D)
        self.back = nn.Linear(2 * D, D)
        self.output = nn.Parameter(torch.randn(V, D))
        self.frozen = nn.Linear(D, D).requires_grad_(False)

    def forward(self, ids):
        hidden = self.embedding(ids) + self.positions(torch.arange(ids.shape[1]))
        return self.back(self.layer(hidden).tanh()) @ self.output.T


def made(**changes):
    model = Model()
    given = {"lr": 0.01, "weight_decay": 0.1, "betas": (0.9, 0.98), "eps": 1e-6, "vocab_size": V}
    return model, make_muon(model, **{**given, **changes})


def step(model, optimizer):
    ids = torch.arange(12).view(2, 6)
    nn.functional.cross_entropy(model(ids).flatten(0, 1), ids.flatten()).backward()
    optimizer.step()
    optimizer.zero_grad()


def test_matrices_of_layers_are_muons_and_all_else_is_adamws():
    model, optimizer = made()
    muon, adamw = optimizer.parts
    of_muon = {id(p) for group in muon.param_groups for p in group["params"]}
    of_adamw = {id(p) for group in adamw.param_groups for p in group["params"]}
    assert of_muon == {id(model.layer.weight), id(model.back.weight)}
    assert of_muon | of_adamw == {id(p) for p in model.parameters() if p.requires_grad}
    assert not of_muon & of_adamw


def test_a_step_is_that_of_torchs_two_optimizers():
    model, optimizer = made()
    other = Model()
    matrices = [other.layer.weight, other.back.weight]
    tables = [other.embedding.weight, other.positions.weight, other.output]
    muon = torch.optim.Muon(matrices, lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    adamw = torch.optim.AdamW(
        [
            {"params": tables, "weight_decay": 0.1},
            {"params": [other.layer.bias, other.back.bias], "weight_decay": 0.0},
        ],
        lr=0.01,
        betas=(0.9, 0.98),
        eps=1e-6,
    )
    both = MuonWithAdamW(muon, adamw)
    for rate in (0.01, 0.003):
        set_lr(optimizer, rate)
        for group in (*muon.param_groups, *adamw.param_groups):
            group["lr"] = rate
        step(model, optimizer)
        step(other, both)
    for ours, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_both_parts_follow_one_rate():
    model, optimizer = made()
    set_lr(optimizer, 0.0)
    before = [p.clone() for p in model.parameters()]
    step(model, optimizer)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_forgotten_moments_are_those_before_the_first_step():
    fresh, first = made()
    other, used = made()
    step(other, used)
    with torch.no_grad():
        for weight, start in zip(other.parameters(), fresh.parameters(), strict=True):
            weight.copy_(start)
    forget_moments(used)
    step(fresh, first)
    step(other, used)
    for ours, theirs in zip(fresh.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_model_without_matrices_is_adamws():
    model = nn.Embedding(V, D)
    optimizer = make_muon(
        model, lr=0.01, weight_decay=0.1, betas=(0.9, 0.98), eps=1e-6, vocab_size=V
    )
    assert isinstance(optimizer, torch.optim.AdamW)


@pytest.mark.parametrize("given", [{}, {"optimizer": "adamw"}])
def test_adamw_is_no_part_of_an_id(given):
    assert PretrainRecipe(**given).canonical() == PretrainRecipe().canonical()
    assert PretrainRecipe(optimizer="muon").canonical()["optimizer"] == "muon"
