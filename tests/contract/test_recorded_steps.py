"""A step of one shape, as a graph replays it, is the eager step of every objective, on a CPU.

What a graph cannot do is to wait for the host: `HostWatch` sees each operation that reads a number
of the device, copies one to it, or makes a tensor whose shape depends on values.
"""

import dataclasses
import math

import pytest
import torch
import transformers.masking_utils as masking_utils
from objective_cases import CASES
from test_objectives_contract import IDS, make, teacher
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import PreTrainedModel

from mae_bench.contract.fixtures import Fixture, draws
from mae_bench.contract.fixtures import rows as blocks
from mae_bench.contract.recorded import check_recorded
from mae_bench.contract.views import ContractError
from mae_bench.draws import Block, Draws
from mae_bench.masking import MASKINGS
from mae_bench.model.generators import kept_generators
from mae_bench.objectives.base import OBJECTIVES, LossOutput, Objective
from mae_bench.objectives.mlm import MaskedLanguageModel
from mae_bench.objectives.view_tensors import with_filling
from mae_bench.pretraining.compiling import why_not_recorded

__all__ = ["teacher"]
aten = torch.ops.aten
WAITING = {
    aten._local_scalar_dense.default: "reads a number (item, float, int, bool)",
    aten.nonzero.default: "a shape that depends on values",
    aten.masked_select.default: "a shape that depends on values",
    aten.repeat_interleave.Tensor: "a shape that depends on values",
    aten.lift_fresh.default: "copies a number or a list to the device (torch.tensor)",
    aten.equal.default: "compares on the host",
}


class HostWatch(TorchDispatchMode):
    """Refuses what a graph cannot record."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func not in WAITING, f"{func}: {WAITING[func]}"
        if func in (aten.index.Tensor, aten.index_put.default, aten.index_put_.default):
            kinds = [i.dtype for i in args[1] if i is not None]
            assert torch.bool not in kinds, f"{func} by a mask: a shape that depends on values"
        devices = {a.device for a in tree_leaves(args) if isinstance(a, torch.Tensor)}
        if devices and (kwargs or {}).get("device"):
            devices.add(torch.device(kwargs["device"]))
        # an index that lies on the CPU is copied, too
        assert len(devices) < 2, f"{func}: something is copied between {devices}"
        return func(*args, **(kwargs or {}))


@pytest.fixture(autouse=True)
def as_in_a_recording(monkeypatch):
    # transformers asks whether a mask is all ones, but not while a graph is recorded
    monkeypatch.setattr(masking_utils, "is_tracing", lambda *_: True)


def as_on_a_card(objective):
    for part in objective.modules():
        if isinstance(part, PreTrainedModel):
            part.set_attn_implementation("sdpa")
    return objective.train()


def gradients(objective, view):
    objective.zero_grad()
    with kept_generators():
        torch.manual_seed(3)
        output = objective(view)
    output.loss.backward()
    named = objective.named_parameters()
    return output, {name: p.grad.clone() for name, p in named if p.grad is not None}


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_a_step_of_one_shape_is_the_eager_step(name, options, teacher):
    objective = as_on_a_card(make(name, options, teacher))
    if why_not_recorded(objective):
        return
    requires = objective.requires(objective.options)
    for is_padded in (False, True):
        block, here = blocks(is_padded), dataclasses.replace(draws(epoch=3), progress=0.4)
        wanted, eager = gradients(objective, objective.corrupt(block, here))
        with HostWatch():
            counted = dataclasses.replace(here, epoch=torch.full((), 3))
            if not requires.follows_progress:
                counted = dataclasses.replace(counted, progress=math.nan)
            view = with_filling(objective.corrupt(block, counted))
            got, static = gradients(objective, view)
        assert int(got.predicted) == int(wanted.predicted) > 0
        assert float(got.loss.detach()) == pytest.approx(float(wanted.loss.detach()), rel=1e-5)
        assert static.keys() == eager.keys()
        for key, value in eager.items():
            assert torch.allclose(static[key], value, rtol=1e-3, atol=2e-6), (is_padded, key)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_a_step_stays_on_its_device_and_shapes_follow_no_value(name, options, teacher):
    objective = as_on_a_card(make(name, options, teacher))
    if not why_not_recorded(objective):
        on_meta(objective)


@pytest.mark.parametrize("scheme", MASKINGS.names())
def test_every_masking_scheme_stays_on_its_device(scheme, teacher):
    on_meta(as_on_a_card(make("mlm", {"masking": scheme}, teacher)))


def on_meta(objective):
    """Take a step where there are no values, and where a tensor of the CPU does not mix."""
    objective.to("meta")
    block = blocks(is_padded=True)
    block = Block(block.ids.to("meta"), block.is_pad.to("meta"))
    here = Draws(0, torch.zeros((), dtype=torch.int64, device="meta"), block.ids[:, 0], 0.4)
    with HostWatch():
        objective(with_filling(objective.corrupt(block, here))).loss.backward()


def test_what_cannot_be_recorded_says_why_in_a_sentence():
    for name, kind in OBJECTIVES:
        why = kind.why_not_recorded
        assert isinstance(why, str), name
        assert not why or " " in why, name
    assert Objective.why_not_recorded  # of what never heard of it


def test_a_part_that_cannot_be_recorded_speaks_for_the_whole(teacher, monkeypatch):
    monkeypatch.setattr(OBJECTIVES.get("mae"), "why_not_recorded", "it asks the host")
    mixture = make("mixture", {"parts": {"mlm": {}, "mae": {}}}, teacher)
    assert why_not_recorded(mixture) == "it asks the host"
    assert why_not_recorded(make("mlm", {}, teacher)) == ""


class Unaware(MaskedLanguageModel):
    """Another package's, which never heard of filling and counts it among its targets."""

    name = "unaware"
    why_not_recorded = Objective.why_not_recorded

    def forward(self, view):
        guess = self.guess_tokens(view)
        return LossOutput(guess.loss(len(guess.targets)), len(guess.targets))


def test_a_mixture_with_a_part_that_is_not_recorded_keeps_the_contract(tmp_path, monkeypatch):
    monkeypatch.setitem(OBJECTIVES._parts, "unaware", Unaware)
    mixture = Fixture("mixture", {"parts": {"mlm": {}, "unaware": {}}}, tmp_path)
    for case in (Fixture("unaware", {}, tmp_path), mixture):
        check_recorded(case)
    monkeypatch.setattr(Unaware, "why_not_recorded", "")
    with pytest.raises(ContractError, match="keeps_filling"):
        check_recorded(mixture)


@pytest.mark.parametrize(
    "work",
    [
        lambda x: x[x > 0],
        lambda x: x.sum().item(),
        lambda x: x * torch.tensor([1.0, 2.0, 3.0]),
        lambda x: bool((x > 0).any()),
        lambda x: torch.ones(3).to("meta"),
        lambda x: torch.ones(3, device="meta")[x.long()],
    ],
)
def test_the_watch_sees_what_waits(work):
    with pytest.raises(AssertionError), HostWatch():
        work(torch.ones(3))
