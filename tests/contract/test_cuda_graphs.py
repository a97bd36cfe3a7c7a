"""On a card: replayed steps have the losses of single ones, for every objective."""

import json

import pytest
import torch
from objective_cases import CASES
from small_blocks import BACKBONE, run_pretraining, teacher_for, write_blocks, write_teacher
from test_objectives_contract import IDS

import mae_bench.pretraining.pretrain as loop

pytestmark = pytest.mark.gpu
DROPPING = BACKBONE.model_copy(update={"dropout": 0.1})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_teacher(tmp_path_factory.mktemp("card"))


def losses(folder, objective, options, how, **changes):
    """Return the losses of ten steps on the card, which must have run as asked."""
    teacher = teacher_for(folder, options)
    name = f"{objective}-{how}-{torch.randint(10**9, ()).item()}"
    given = {"name": name, "teacher": teacher, "device": "cuda", "compile_by": how, **changes}
    out = run_pretraining(folder, objective, options, **given)
    cost = json.loads((out / "cost.json").read_text())
    assert cost["compiled"] == how, cost["compiled"]
    return json.loads((out / "curve.json").read_text())["loss"]


@pytest.mark.parametrize(("objective", "options"), CASES, ids=IDS)
def test_a_graph_has_the_losses_of_single_steps(objective, options, folder):
    single = losses(folder, objective, options, "off", backbone=DROPPING)
    graph = losses(folder, objective, options, "graph", backbone=DROPPING)
    assert graph == pytest.approx(single, rel=2e-3)


@pytest.mark.parametrize("is_padded", [False, True])
@pytest.mark.parametrize("objective", ["mlm", "mae"])
def test_inductor_has_the_losses_of_single_steps(objective, is_padded, tmp_path):
    write_blocks(tmp_path / "blocks", is_padded=is_padded)
    single = losses(tmp_path, objective, {}, "off")
    assert losses(tmp_path, objective, {}, "inductor") == pytest.approx(single, rel=5e-3)


def test_muon_has_the_losses_of_single_steps(folder):
    single = losses(folder, "mlm", {}, "off", optimizer="muon")
    assert losses(folder, "mlm", {}, "graph", optimizer="muon") == pytest.approx(single, rel=5e-3)


def test_auto_is_a_graph_on_a_card(folder):
    out = run_pretraining(folder, "mlm", name="auto", device="cuda", compile_by="auto")
    assert json.loads((out / "cost.json").read_text())["compiled"] == "graph"


def test_a_graph_that_was_cut_short_goes_on(folder, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", -1.0)
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_REPORTS", -1.0)
    given = {"device": "cuda", "compile_by": "graph", "backbone": DROPPING}
    whole = run_pretraining(folder, "mlm", name="whole", **given)

    def cut(done, total, note=""):
        if done / total > 0.55:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_pretraining(folder, "mlm", name="cut", progress=cut, **given)
    resumed = run_pretraining(folder, "mlm", name="cut", **given)
    curves = [json.loads((out / "curve.json").read_text())["loss"] for out in (whole, resumed)]
    assert curves[1] == pytest.approx(curves[0], rel=1e-3)


def test_single_steps_of_unpadded_rows_never_wait_for_the_card(tmp_path, monkeypatch):
    write_blocks(tmp_path / "blocks", is_padded=False)
    real = loop.make_stepper

    def make_stepper(step, compile_by):
        stepper = real(step, compile_by)

        def strict(number, progress):
            if number < 3:  # the first steps load kernels
                return stepper(number, progress)
            torch.cuda.set_sync_debug_mode("error")
            try:
                return stepper(number, progress)
            finally:
                torch.cuda.set_sync_debug_mode("default")

        strict.how = stepper.how
        return strict

    monkeypatch.setattr(loop, "make_stepper", make_stepper)
    for how in ("off", "graph"):
        # three steps an epoch: a fourth one brings a new order to the card
        run_pretraining(tmp_path, "mlm", name=how, device="cuda", compile_by=how)
