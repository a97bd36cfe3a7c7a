"""The pretraining loop: the same start and data for every objective, resumed to the bit."""

import json

import pytest
import torch
from safetensors.torch import load_file
from small_blocks import BACKBONE, BATCH, ROWS, L, V, run_pretraining, write_blocks

import mae_bench.model.start as start
import mae_bench.pretraining.pretrain as loop
import mae_bench.pretraining.step as step
from mae_bench.costs import StepShape
from mae_bench.draws import Draws
from mae_bench.errors import DataError, DivergedError, SpecError
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.pretraining.checkpoint import versions
from mae_bench.seeding import seed_for
from mae_bench.specs import Budget

STILL = {"peak_lr": 1e-12, "budget": Budget(steps=1)}  # a step that moves nothing


@pytest.fixture
def folder(tmp_path):
    write_blocks(tmp_path / "blocks")
    return tmp_path


def read(out, name):
    return json.loads((out / name).read_text())


@pytest.mark.parametrize("objective", ["mlm", "mae", "simcse"])
def test_a_run_cut_short_ends_as_an_undisturbed_one(folder, monkeypatch, objective):
    monkeypatch.setattr(loop, "SAVE_EVERY_S", -1.0)
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_REPORTS", -1.0)
    backbone = BACKBONE.model_copy(update={"dropout": 0.1})
    whole = run_pretraining(folder, objective, name="whole", backbone=backbone)

    def cut(done, total, note=""):
        if done / total > 0.55:
            raise KeyboardInterrupt

    arguments = {"name": "cut", "backbone": backbone}
    with pytest.raises(KeyboardInterrupt):
        run_pretraining(folder, objective, progress=cut, **arguments)
    assert not (folder / "cut" / "model.safetensors").exists()
    resumed = run_pretraining(folder, objective, **arguments)
    for name in ("model.safetensors", "objective.safetensors"):
        first, second = load_file(whole / name), load_file(resumed / name)
        assert all(torch.equal(first[key], second[key]) for key in first)
    for key in ("step", "tokens", "flops", "loss"):
        assert read(resumed, "curve.json")[key] == read(whole, "curve.json")[key]


def test_every_objective_starts_from_the_same_weights(folder, monkeypatch):
    initial = load_file(run_pretraining(folder, "random_init") / "model.safetensors")
    teacher = run_pretraining(folder, "mlm", name="teacher", seed=3)
    called = []

    def recording(stream, **axes):
        called.append((stream, axes))
        return seed_for(stream, **axes)

    monkeypatch.setattr(start, "seed_for", recording)
    for objective, options in {
        "mlm": {},
        "mae": {},
        "simcse": {"mlm_weight": 0.5},
        "distill": {"teacher": "mlm"},
    }.items():
        taught_by = teacher if objective == "distill" else None
        out = run_pretraining(folder, objective, options, teacher=taught_by, **STILL)
        trained = load_file(out / "model.safetensors")
        assert trained.keys() == initial.keys()
        for key, value in trained.items():
            assert torch.allclose(value, initial[key], atol=1e-9, rtol=0), (objective, key)
    # what stands beside the backbone is drawn by the part's name, whatever the objective's
    parts = [axes["part"] for _, axes in called]
    assert {stream for stream, _ in called} == {"head"}
    assert all(axes == {"seed": 0, "part": axes["part"]} for _, axes in called)
    assert set(parts) == {"pretraining", "vocabulary", "decoder", "projector"}
    assert parts.count("vocabulary") >= 4


def test_every_objective_reads_the_same_rows_in_order(folder, monkeypatch):
    seen = []

    def recording(seed, epoch, row_ids, progress):
        seen.append((seed, epoch, row_ids.tolist(), progress))
        return Draws(seed, epoch, row_ids, progress)

    monkeypatch.setattr(step, "Draws", recording)
    by_objective = {}
    for objective in ("mlm", "mae", "simcse"):
        seen.clear()
        run_pretraining(folder, objective, budget=Budget(steps=7))
        by_objective[objective] = list(seen)
    first = by_objective["mlm"]
    assert by_objective["mae"] == by_objective["simcse"] == first
    assert [epoch for _, epoch, *_ in first] == [0, 0, 0, 1, 1, 1, 2]
    for epoch in (0, 1):
        read_rows = [row for _, e, rows, _ in first if e == epoch for row in rows]
        assert sorted(read_rows) == list(range(ROWS))
    assert first[0][2] != first[3][2]


def test_costs_are_whole(folder):
    teacher = run_pretraining(folder, "mlm", name="teacher", budget=Budget(steps=3))
    out = run_pretraining(
        folder, "distill", {"teacher": "mlm"}, teacher=teacher, budget=Budget(steps=5)
    )
    cost = read(out, "cost.json")
    options = parse_options("distill", {"teacher": "mlm"})
    shape = StepShape(BACKBONE, BATCH, L, V)
    step = OBJECTIVES.get("distill").flops_per_step(options, shape)
    paid = read(teacher, "cost.json")["flops"]
    assert step.teacher > 0 and paid > 0
    assert cost["teacher_pretrain_flops"] == paid
    assert cost["teacher_pretrain_s"] == read(teacher, "cost.json")["seconds"] > 0
    assert cost["flops"] == pytest.approx(5 * step.total + paid)
    assert cost["flops_parts"]["teacher"] == pytest.approx(5 * step.teacher)
    assert (cost["steps"], cost["tokens"]) == (5, 5 * BATCH * L)
    assert cost["precision"] == "fp32" and cost["seconds"] > 0


def test_an_untrained_arm_costs_nothing(folder):
    cost = read(run_pretraining(folder, "random_init"), "cost.json")
    assert cost["steps"] == cost["flops"] == 0
    assert cost["final_loss"] is None and not cost["is_collapsed"]


def test_a_budget_in_flops_buys_fewer_steps_of_what_costs_more(folder):
    steps = {}
    for objective, options in (("mae", {}), ("mlm", {}), ("simcse", {})):
        out = run_pretraining(folder, objective, options, budget=Budget(flops=1e8))
        cost = read(out, "cost.json")
        one = cost["flops"] / cost["steps"]
        assert 1e8 - one < cost["flops"] <= 1e8
        steps[objective] = cost["steps"]
    assert len(set(steps.values())) == 3


def test_a_loss_that_is_not_finite_is_an_error(folder):
    with pytest.raises(DivergedError, match=r"of 'mlm' became non-finite .* lower pretrain"):
        run_pretraining(folder, "mlm", peak_lr=1e30)


def test_a_corpus_below_one_batch_names_both_numbers(folder):
    with pytest.raises(DataError, match=r"12 rows of 24 tokens, fewer than .*batch_rows 13; give"):
        run_pretraining(folder, "mlm", batch_rows=13)


def test_rows_longer_than_the_encoder_are_refused(folder):
    short = BACKBONE.model_copy(update={"max_length": L - 1})
    with pytest.raises(SpecError, match="24 is longer than the backbone's positions, 23"):
        run_pretraining(folder, "mlm", backbone=short)


def test_a_package_without_metadata_loses_no_pretraining(monkeypatch):
    """A source tree on PYTHONPATH has none; this was found only after the last step."""
    monkeypatch.setattr("mae_bench.pretraining.checkpoint.VERSIONS", ("torch", "nowhere-installed"))
    assert versions()["nowhere-installed"] == "unknown"
    assert versions()["torch"][0].isdigit()
