"""A worker stops early when events to, and another goes on where it stopped."""

from mae_bench.planning.plan import make_plan
from mae_bench.runner.stages import Settings
from mae_bench.runner.work import work
from mae_bench.specs import ArmSpec, Study
from mae_bench.store.store import Store


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
