"""Where workers run moves no number: cards in turn, and an executor of another package."""

import importlib
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch

from mae_bench.errors import StoreError, UnknownNameError
from mae_bench.planning.study import study_of
from mae_bench.runner.devices import worker_device
from mae_bench.runner.executors import EXECUTORS, Executor, WorkOrder, base, local
from mae_bench.runner.session import Session
from mae_bench.runner.stages import Settings
from mae_bench.tuning.api import run_study

OUTSIDE = Path(__file__).parents[1] / "outside"  # one file for each part of another package
STUDY = {
    "name": "tiny",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2, "max_length": 32},
    "corpus": {"tokens": 5_000, "tokenizer": {"vocab_size": 300}, "row_length": 32},
    "pretrain": {"budget": {"steps": 2}, "batch_rows": 4, "precision": "fp32"},
    "objectives": ["random_init"],
    "tasks": ["world/topic"],
    "protocols": ["linear_probe"],
    "train_sizes": [20],
    "seeds": 1,
    "linear_probe": {"max_length": 32, "precision": "fp32"},
}
CLOCKS = ["pretrain_s", "evaluate_s"]


@pytest.fixture
def register():
    """Let a test register executors; they are gone afterwards."""
    EXECUTORS.names()
    before = dict(EXECUTORS._parts), dict(EXECUTORS._modules)
    yield EXECUTORS.register
    sys.modules.pop("one_by_one", None)
    for names, old in zip((EXECUTORS._parts, EXECUTORS._modules), before, strict=True):
        names.clear()
        names.update(old)


@pytest.mark.parametrize(
    ("workers", "cards", "devices"),
    [
        (1, 1, {"cuda": 1}),
        (1, 8, {"cuda": 1}),
        (4, 1, {"cuda": 4}),
        (3, 2, {"cuda:0": 2, "cuda:1": 1}),
        (8, 8, {f"cuda:{card}": 1 for card in range(8)}),
        (16, 8, {f"cuda:{card}": 2 for card in range(8)}),
    ],
)
def test_workers_take_the_visible_cards_in_turn(workers, cards, devices):
    in_turn = [worker_device("cuda", number, workers, cards) for number in range(workers)]
    assert Counter(in_turn) == devices
    assert in_turn[: len(devices)] == list(devices), "in turn, so that the first workers differ"
    assert {worker_device("cpu", number, workers, cards) for number in range(workers)} == {"cpu"}


@pytest.mark.parametrize(("worker", "device"), [(0, "cuda:0"), (1, "cuda:1"), (2, "cuda:0")])
def test_a_worker_runs_its_stages_on_its_card(tmp_path, monkeypatch, worker, device):
    """What asks torch for the present card, or hears of the device, gets the same one."""
    given, present = [], []
    monkeypatch.setattr(base, "num_cards", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", present.append)
    monkeypatch.setattr(base, "work", lambda *of: given.append(of))
    WorkOrder((), tmp_path, Settings(device="cuda"), 3).work(worker)
    ((_, _, settings, _, number, _),) = given
    assert (settings.device, number, present) == (device, worker, [device])
    WorkOrder((), tmp_path, Settings(device="cuda"), 1).work()
    assert given[1][2].device == "cuda" and present == [device]


def test_one_worker_a_visible_card_unless_a_number_is_asked_for(monkeypatch):
    monkeypatch.setattr(local, "num_cards", lambda: 4)
    choose = local.LocalExecutor().choose_workers
    assert [choose(None, "cuda", left) for left in (0, 1, 3, 9)] == [1, 1, 3, 4]
    assert [choose(asked, "cuda", 1) for asked in (1, 16)] == [1, 16]
    monkeypatch.setattr(local, "num_cards", lambda: 1)
    assert choose(None, "cuda", 9) == 1


def test_an_executor_of_another_package_gives_the_same_rows(tmp_path, monkeypatch, register):
    monkeypatch.syspath_prepend(str(OUTSIDE))
    importlib.import_module("one_by_one")
    assert EXECUTORS.plugin("one_by_one").module == "one_by_one"
    events = []
    study = study_of(STUDY)
    theirs = run_study(
        study,
        home=tmp_path / "b",
        executor="one_by_one",
        workers=2,
        device="cpu",
        emit=events.append,
    )
    ours = run_study(study, home=tmp_path / "a", device="cpu")
    assert len(ours) and ours["failure"].isna().all()
    assert theirs.drop(columns=CLOCKS).equals(ours.drop(columns=CLOCKS))
    plan = Session(study, home=tmp_path / "b", device="cpu").plan
    assert [event.key for event in events if event.what == "done"] == [s.key for s in plan.stages]


def test_an_executor_that_leaves_stages_undone_is_an_error(tmp_path, register):
    @register("idle")
    class Idle(Executor):
        def execute(self, order, emit):
            pass

    with pytest.raises(StoreError, match=r"executor 'idle' ended while .* neither done nor failed"):
        run_study(study_of(STUDY), home=tmp_path, executor="idle", device="cpu")


def test_an_unknown_executor_is_refused_before_anything_is_planned(tmp_path):
    with pytest.raises(UnknownNameError, match=r"unknown executor 'locl'.*Did you mean 'local'"):
        Session(study_of(STUDY), home=tmp_path, executor="locl")
    assert not list(tmp_path.iterdir())
