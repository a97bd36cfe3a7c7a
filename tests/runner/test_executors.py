"""Where workers run moves no number: cards in turn, and an executor of another package."""

import importlib
import importlib.util
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch

from mae_bench.errors import SpecError, StoreError, UnknownNameError
from mae_bench.planning.stage import Stage
from mae_bench.planning.study import study_of
from mae_bench.runner import stages
from mae_bench.runner.devices import worker_device
from mae_bench.runner.executors import (
    EXECUTORS,
    Executor,
    WorkOrder,
    base,
    local,
    make_executor,
    slurm,
)
from mae_bench.runner.executors.home_log import HomeLog
from mae_bench.runner.session import Session
from mae_bench.runner.stages import Settings
from mae_bench.store.store import Store
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
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a fake card")
    monkeypatch.setattr(base, "work", lambda *of: given.append(of))
    WorkOrder((), tmp_path, Settings(device="cuda"), 3).work(worker)
    ((_, _, settings, _, number, _),) = given
    assert (settings.device, number, present) == (device, worker, [device])
    WorkOrder((), tmp_path, Settings(device="cuda"), 1).work()
    assert given[1][2].device == "cuda" and present == [device]


def test_eight_workers_on_eight_fake_devices_land_on_eight(tmp_path, monkeypatch):
    """Each worker runs one stage; the device that the stage is given is that of its worker."""
    given, present = [], []

    def seen(job):
        given.append((job.settings.device, present[-1]))
        (job.out / "seen").write_text(job.settings.device)

    monkeypatch.setattr(base, "num_cards", lambda: 8)
    monkeypatch.setattr(torch.cuda, "set_device", present.append)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a fake card")
    monkeypatch.setitem(stages.RUN, "task", seen)
    eight = tuple(Stage("task", f"{i:02}", {}, (), f"task {i}") for i in range(8))
    order = WorkOrder(eight, Store(tmp_path).open().home, Settings(device="cuda"), 8)
    for worker in range(8):
        order.work(worker, is_tired=lambda num_run: True)
    cards = [f"cuda:{card}" for card in range(8)]
    assert given == [(card, card) for card in cards], "told, and what torch means by cuda"
    assert [Store(tmp_path).path(*s.key).joinpath("seen").read_text() for s in eight] == cards


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


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_workers_of_any_executor_elsewhere_look_for_the_device(tmp_path, register, is_elsewhere):
    told = []

    @register("sent")
    class Sent(Executor):
        def execute(self, order, emit):
            told.append(order.is_elsewhere)
            order.work()

    Sent.is_elsewhere = is_elsewhere
    run_study(study_of(STUDY), home=tmp_path, executor="sent", device="cpu")
    assert set(told) == {is_elsewhere}


def test_an_unknown_executor_is_refused_before_anything_is_planned(tmp_path):
    with pytest.raises(UnknownNameError, match=r"unknown executor 'locl'.*Did you mean 'local'"):
        Session(study_of(STUDY), home=tmp_path, executor="locl")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("local", {"partition": "gpu"}, r"executor 'local' takes no options, got 'partition'"),
        ("ray", {"adress": "a"}, r"'ray' has no option 'adress'; .*Did you mean 'address'\?"),
        ("ray", {"num_gpus": -1}, r"'ray': num_gpus must be a number from 0, got -1"),
        ("ray", {"num_gpus": "two"}, r"'ray': num_gpus must be a number from 0, got 'two'"),
        ("ray", {"address": 6379}, r"'ray': address must be HOST:PORT, a URL or auto, got 6379"),
        ("slurm", {"partion": "a"}, r"'slurm' has no option 'partion'; .*mean 'partition'\?"),
        ("slurm", {"workers_per_job": 0}, r"workers_per_job must be a whole number from 1, got 0"),
        ("slurm", {"gpus_per_node": "a"}, r"gpus_per_node must be a whole number from 0, got 'a'"),
    ],
)
def test_a_wrong_option_is_one_sentence(monkeypatch, name, options, message):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: object())
    with pytest.raises(SpecError, match=message):
        make_executor(name, options)


@pytest.mark.parametrize(("name", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_an_extra_that_is_not_installed_is_named(tmp_path, monkeypatch, name, package):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    with pytest.raises(SpecError, match=rf"needs the package {package}, .*'mae-bench\[{name}\]'`$"):
        Session(study_of(STUDY), home=tmp_path, executor=name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["ray", "slurm"])
def test_workers_elsewhere_are_asked_for_and_their_devices_not_looked_up_here(monkeypatch, name):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: object())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    made = make_executor(name)
    with pytest.raises(SpecError, match=r"must be told how many workers .* add --workers NUMBER$"):
        made.choose_workers(None, "cpu", 9)
    assert made.choose_workers(3, "cpu", 9) == 3
    assert [made.choose_device(asked) for asked in ("auto", "cpu", "cuda")] == [
        "cpu",
        "cpu",
        "cuda",
    ]
    cards = {"num_gpus": 0.5} if name == "ray" else {"gpus_per_node": 8}
    assert make_executor(name, cards).choose_device("auto") == "cuda"


def test_a_worker_elsewhere_refuses_a_device_that_its_machine_lacks(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    order = WorkOrder((), tmp_path, Settings(device="cuda"), 1, is_elsewhere=True)
    with pytest.raises(SpecError, match="torch sees no CUDA GPU"):
        order.work()


def test_jobs_of_slurm_share_the_workers_out(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: object())
    assert slurm.SlurmExecutor().sizes(3) == [1, 1, 1]
    assert slurm.SlurmExecutor(gpus_per_node=8).sizes(20) == [8, 8, 4]
    assert slurm.SlurmExecutor(gpus_per_node=8, workers_per_job=16).sizes(16) == [16]


def test_ends_elsewhere_are_heard_once_through_the_log_of_the_home(tmp_path):
    store = Store(tmp_path).open()
    known = [Stage("task", f"{i}", {}, (), f"task {i}") for i in range(3)]
    store.log("done", "task", "0", "task 0", 1.0)
    log = HomeLog(store, known)
    assert list(log.events()) == [], "what ended before is not heard"
    store.log("done", "task", "1", "task 1", 2.0)
    store.log("done", "task", "9", "of another study")
    store.record_failure("task", "2", "task 2", ValueError("no labels"))
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"broken": \n')
    store.log("failed", "task", "2", "task 2")
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"pid": 1, "what": "done", "kind": "task"')
    heard = list(log.events())
    assert [(event.what, event.label, event.seconds, event.note) for event in heard] == [
        ("done", "task 1", 2.0, ""),
        ("failed", "task 2", 0.0, "no labels"),
    ]
    assert list(log.events()) == []
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write(', "id": "0", "seconds": 3}\n')
    assert [(event.label, event.seconds) for event in log.events()] == [("task 0", 3.0)]
