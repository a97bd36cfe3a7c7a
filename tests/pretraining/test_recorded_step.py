"""Recorded steps train as the loop of single steps does; what fails falls back; memory is saved."""

import json

import pytest
import torch
from small_blocks import BACKBONE, BATCH, run_pretraining, write_blocks
from tape import Tape

import mae_bench.pretraining.batches as batches
import mae_bench.pretraining.compiling as compiling
import mae_bench.pretraining.pretrain as loop
import mae_bench.pretraining.recorded as recorded
from mae_bench.data.blocks import load_blocks
from mae_bench.errors import DataError
from mae_bench.masking import PAD_ID
from mae_bench.objectives.base import OBJECTIVES
from mae_bench.pretraining.batches import Batches
from mae_bench.pretraining.device_rows import ResidentRows
from mae_bench.pretraining.recorded import RecordedStep
from mae_bench.pretraining.row_order import RowOrder
from mae_bench.specs import Budget

DROPPING = BACKBONE.model_copy(update={"dropout": 0.1})
PHASES = {
    "steps": {"mae": {"share": 0.5}, "mlm": {"share": 0.5, "mask_ratio": 0.3}},
    "resets_optimizer": True,
}
MOVING = {"parts": {"mlm": {}, "mae": {"weight": {"start": 1.0, "end": 0.0}}}}
TRAINED = {
    "mlm": ("mlm", {}, True),
    "packed rows": ("mlm", {}, False),
    "a moving average": ("mae", {"target": "ema_features"}, True),
    "a ratio that moves": (
        "mae",
        {"mask_ratio": {"start": 0.5, "end": 0.3, "shape": "step"}},
        True,
    ),
    "a mixture": ("mixture", MOVING, True),
    "phases": ("phases", PHASES, True),
    "sampled tokens": ("rtd", {}, True),
}


@pytest.fixture
def folder(tmp_path):
    write_blocks(tmp_path / "blocks")
    return tmp_path


@pytest.fixture
def tapes(monkeypatch):
    """Have every step recorded on a tape."""
    made = []

    def make_stepper(step, compile_by):
        made.append(Tape())
        return RecordedStep(step, "graph", step.objective, made[-1])

    monkeypatch.setattr(loop, "make_stepper", make_stepper)
    monkeypatch.setattr(recorded, "WARM_UP_STEPS", 1)
    # as on a card: the file that a CPU reads leaves nothing on a tape
    monkeypatch.setattr(batches, "device_rows", lambda rows, _, device: ResidentRows(rows, device))
    return made


def read(out, name):
    return json.loads((out / name).read_text())


@pytest.mark.parametrize("case", TRAINED)
def test_a_recorded_training_has_the_losses_of_single_steps(case, tmp_path, tapes, monkeypatch):
    objective, options, is_padded = TRAINED[case]
    write_blocks(tmp_path / "blocks", is_padded=is_padded)
    given = {"backbone": DROPPING, "name": "tape"}
    out = run_pretraining(tmp_path, objective, options, **given)
    assert read(out, "cost.json")["compiled"] == "graph"
    (tape,) = tapes
    assert tape.replayed >= 3
    assert tape.recorded <= 4  # once, or once for each shape
    monkeypatch.setattr(loop, "make_stepper", compiling.make_stepper)
    plain = run_pretraining(tmp_path, objective, options, backbone=DROPPING, name="plain")
    wanted = read(plain, "curve.json")["loss"]
    assert len(wanted) == 10 and read(plain, "cost.json")["compiled"] == "off"
    assert read(out, "curve.json")["loss"] == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_recorded_training_that_was_cut_short_goes_on(folder, tapes, monkeypatch, optimizer):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", -1.0)
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_REPORTS", -1.0)
    given = {"backbone": DROPPING, "optimizer": optimizer}
    whole = run_pretraining(folder, "mlm", name="whole", **given)

    def cut(done, total, note=""):
        if done / total > 0.55:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_pretraining(folder, "mlm", name="cut", progress=cut, **given)
    resumed = run_pretraining(folder, "mlm", name="cut", **given)
    assert [tape.replayed > 0 for tape in tapes] == [True] * 3
    wanted = read(whole, "curve.json")["loss"]
    assert read(resumed, "curve.json")["loss"] == pytest.approx(wanted, rel=1e-5)


def test_muon_trains_the_same_recorded_or_not(folder, tapes, monkeypatch):
    taped = run_pretraining(folder, "mlm", name="tape", optimizer="muon")
    monkeypatch.setattr(loop, "make_stepper", compiling.make_stepper)
    plain = run_pretraining(folder, "mlm", name="plain", optimizer="muon")
    other = run_pretraining(folder, "mlm", name="adamw")
    losses = read(plain, "curve.json")["loss"]
    assert read(taped, "curve.json")["loss"] == pytest.approx(losses, rel=1e-3)
    assert read(other, "curve.json")["loss"] != pytest.approx(losses, rel=1e-3)


def test_rows_too_short_to_hide_a_token_are_left_to_single_steps(tmp_path, tapes, monkeypatch):
    write_blocks(tmp_path / "blocks")
    low = {"mask_ratio": 0.06}  # hides one of at least 9 tokens: no row is shorter
    asked = []
    monkeypatch.setattr(
        "mae_bench.pretraining.batches.Batches.is_surely_taught",
        lambda self, number: asked.append(number) or number % 2 == 0,
    )
    out = run_pretraining(tmp_path, "mlm", low, name="tape")
    (tape,) = tapes
    assert asked == list(range(10))
    assert tape.replayed == 5 - 1 - 1  # the even steps, less one that warms up and one recorded
    monkeypatch.setattr(loop, "make_stepper", compiling.make_stepper)
    plain = run_pretraining(tmp_path, "mlm", low, name="plain")
    wanted = read(plain, "curve.json")["loss"]
    assert read(out, "curve.json")["loss"] == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("is_padded", [True, False])
def test_a_batch_is_surely_taught_where_one_of_its_rows_is_long_enough(tmp_path, is_padded):
    data = load_blocks(write_blocks(tmp_path / "blocks", is_padded=is_padded))
    order = RowOrder(len(data.rows), 2, seed=0)
    batches = Batches(data, order, "cpu", least_tokens=data.row_length - 2)
    answers = [batches.is_surely_taught(step) for step in range(order.epoch_steps)]
    whole = [
        (data.rows[order.batch(step)[1]] != PAD_ID).all(1).any() for step in range(len(answers))
    ]
    assert answers == whole
    assert set(answers) == ({True, False} if is_padded else {True})


def test_a_recording_that_fails_falls_back_once_and_says_so(folder, tapes, monkeypatch):
    tried = []

    def fails(self, work):
        tried.append(work)
        raise RuntimeError("operation not permitted\nwhen stream is capturing")

    monkeypatch.setattr(Tape, "record", fails)
    out = run_pretraining(folder, "mlm", name="fallen")
    assert len(tried) == 1
    assert read(out, "cost.json")["compiled"] == "off: graph failed: operation not permitted"
    monkeypatch.setattr(loop, "make_stepper", compiling.make_stepper)
    plain = run_pretraining(folder, "mlm", name="plain")
    wanted = read(plain, "curve.json")["loss"]
    assert read(out, "curve.json")["loss"] == pytest.approx(wanted, rel=1e-3)


def test_seconds_buy_recorded_steps(folder, tapes):
    out = run_pretraining(folder, "mlm", budget=Budget(seconds=0.3))
    assert read(out, "cost.json")["steps"] >= 1


@pytest.mark.parametrize(("compile_by", "how"), [("auto", "off"), ("graph", "off: graph needs")])
def test_a_cpu_has_no_graphs(folder, compile_by, how):
    out = run_pretraining(folder, "mlm", budget=Budget(steps=2), compile_by=compile_by)
    assert read(out, "cost.json")["compiled"].startswith(how)


def test_an_objective_that_cannot_be_recorded_is_run_step_by_step(folder, monkeypatch):
    monkeypatch.setattr(OBJECTIVES.get("mlm"), "why_not_recorded", "it asks the host")
    out = run_pretraining(folder, "mlm", budget=Budget(steps=2), compile_by="inductor")
    assert read(out, "cost.json")["compiled"] == "off: it asks the host"


def short_of_memory(monkeypatch, objective, most):
    """Let the forward pass of more rows than ``most`` run out of memory."""
    kind = OBJECTIVES.get(objective)
    forward, seen = kind.forward, []

    def starved(self, view):
        if self.training:
            seen.append(len(view.input_ids))
        if self.training and len(view.input_ids) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return forward(self, view)

    monkeypatch.setattr(kind, "forward", starved)
    return seen


@pytest.mark.parametrize("is_taped", [False, True])
@pytest.mark.parametrize("is_padded", [False, True])
@pytest.mark.parametrize("objective", ["mlm", "mae"])
def test_out_of_memory_halves_the_micro_batch_and_nothing_else(
    objective, is_padded, is_taped, tmp_path, monkeypatch, request
):
    write_blocks(tmp_path / "blocks", is_padded=is_padded)
    whole = run_pretraining(tmp_path, objective, name="whole")
    if is_taped:
        request.getfixturevalue("tapes")
    seen = short_of_memory(monkeypatch, objective, BATCH // 2)
    out = run_pretraining(tmp_path, objective, name="starved")
    cost = read(out, "cost.json")
    assert cost["micro_batch_rows"] == BATCH // 2 < read(whole, "cost.json")["micro_batch_rows"]
    assert cost["tokens"] == read(whole, "cost.json")["tokens"]
    wanted = read(whole, "curve.json")["loss"]
    assert read(out, "curve.json")["loss"] == pytest.approx(wanted, rel=1e-3)
    assert seen.count(BATCH) == 1  # asked once, and never again


def test_a_resumed_training_keeps_its_micro_batch(folder, monkeypatch):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", -1.0)
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_REPORTS", -1.0)
    seen = short_of_memory(monkeypatch, "mlm", 1)

    def cut(done, total, note=""):
        if done / total > 0.55:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_pretraining(folder, "mlm", progress=cut)
    seen.clear()
    out = run_pretraining(folder, "mlm")
    assert set(seen) == {1} and read(out, "cost.json")["micro_batch_rows"] == 1


@pytest.mark.parametrize(
    ("objective", "options", "most", "why"),
    [
        ("simcse", {"view": "dropout"}, 2, "InfoNCE tells a text from all others of its batch"),
        ("mae", {"variance_weight": 0.1}, 2, "variance and covariance are those of a batch"),
        ("rtd", {}, 2, "over different numbers of tokens, and rows are padded"),
        ("mlm", {}, 0, "one row is the smallest there is; lower pretrain.batch_rows"),
    ],
)
def test_what_cannot_be_parted_says_why(folder, monkeypatch, objective, options, most, why):
    short_of_memory(monkeypatch, objective, most)
    with pytest.raises(DataError, match=why):
        run_pretraining(folder, objective, options)


@pytest.mark.slow
@pytest.mark.parametrize("is_padded", [False, True])
def test_a_compiled_training_has_the_losses_of_single_steps(tmp_path, is_padded):
    write_blocks(tmp_path / "blocks", is_padded=is_padded)
    plain = run_pretraining(tmp_path, "mlm", name="plain", backbone=DROPPING)
    out = run_pretraining(
        tmp_path, "mlm", name="compiled", backbone=DROPPING, compile_by="inductor"
    )
    assert read(out, "cost.json")["compiled"] == "inductor"
    wanted = read(plain, "curve.json")["loss"]
    assert read(out, "curve.json")["loss"] == pytest.approx(wanted, rel=1e-3)


def test_what_cannot_be_compiled_falls_back(folder, monkeypatch):
    def refuses(model, **_):
        def forward(view):
            raise RuntimeError("InvalidCxxCompiler: no C++ compiler")

        return forward

    monkeypatch.setattr(torch, "compile", refuses)
    out = run_pretraining(folder, "mlm", name="fallen", compile_by="inductor")
    plain = run_pretraining(folder, "mlm", name="plain")
    why = "off: inductor failed: InvalidCxxCompiler: no C++ compiler"
    assert read(out, "cost.json")["compiled"] == why
    assert read(out, "curve.json")["loss"] == read(plain, "curve.json")["loss"]
