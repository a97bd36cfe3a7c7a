"""A worker stops early when events to, another goes on where it stopped; which stage comes next."""

from collections import Counter

import pytest

from mae_bench.planning.plan import make_plan
from mae_bench.planning.stage import Stage
from mae_bench.runner import stages as stage_kinds
from mae_bench.runner import work as worker
from mae_bench.runner.stages import Settings
from mae_bench.runner.work import ignore_event, work
from mae_bench.specs import ArmSpec, Study
from mae_bench.store.leases import acquire
from mae_bench.store.store import Store


@pytest.fixture
def run(monkeypatch):
    """Return the ids of stages in the order in which they were run; they do nothing."""
    ids = []
    for kind in ("pretrain", "evaluate"):
        monkeypatch.setitem(stage_kinds.RUN, kind, lambda job: ids.append(job.stage.id))
    return ids


def stage(kind, id_, *needs):
    return Stage(kind, id_, {}, needs, id_)


def test_a_worker_stays_with_the_checkpoint_that_it_made(tmp_path, run):
    stages = [stage("pretrain", name) for name in "ab"]
    stages += [stage("evaluate", f"{name}{i}", ("pretrain", name)) for i in "12" for name in "ab"]
    assert work(stages, Store(tmp_path).open(), Settings(), ignore_event)
    assert run == ["a", "a1", "a2", "b", "b1", "b2"]


def test_what_others_hold_is_not_asked_for_after_every_stage(tmp_path, run, monkeypatch):
    """With many workers each would else ask for what all others hold, and wait for the lock."""
    store, asked = Store(tmp_path).open(), Counter()
    held = [acquire(store.home / "leases", "evaluate", f"held {i}") for i in range(5)]

    def count(folder, kind, id_):
        asked[id_] += 1
        return acquire(folder, kind, id_)

    def give_back(event):
        if event.what == "done" and event.key[1] == "free 19":
            for lease in held:
                lease.path.unlink()

    monkeypatch.setattr(worker, "acquire", count)
    monkeypatch.setattr(worker, "WAIT_S", 0.0)
    names = [*(f"held {i}" for i in range(5)), *(f"free {i}" for i in range(20))]
    assert work([stage("evaluate", name) for name in names], store, Settings(), give_back)
    assert run == [*names[5:], *names[:5]]
    assert asked == {name: 2 if name.startswith("held") else 1 for name in names}


def test_a_worker_retires_and_another_finishes(tmp_path):
    study = Study(
        name="floors",
        objectives=(ArmSpec(objective="mlm", label="mlm"),),
        tasks=("world/topic",),
        train_sizes=(20,),
        seeds=(0, 1),
    )
    floors = [
        stage
        for stage in make_plan(study, None).stages
        if stage.kind == "task" or getattr(stage.spec, "checkpoint", "") is None
    ]
    assert len(floors) == 5
    store, events = Store(tmp_path), []
    assert not work(floors, store, Settings(), events.append, is_tired=lambda num_run: num_run >= 2)
    assert [event.what for event in events if event.what == "done"] == ["done"] * 2
    assert work(floors, store, Settings(), events.append)
    assert all(store.is_done(*stage.key) for stage in floors)
