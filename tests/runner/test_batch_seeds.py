"""Workers take the seeds of an arm together: rows, checkpoints and failures are those of each."""

from functools import partial

import pandas as pd
import pytest
from tiny_study import CLOCKS, short_study

import mae_bench.pretraining.together as together
from mae_bench.errors import SpecError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.seed_groups import seed_groups
from mae_bench.planning.study import study_of
from mae_bench.runner.devices import parse_batch_seeds, seeds_at_once
from mae_bench.runner.session import Session
from mae_bench.specs import ArmSpec
from mae_bench.store.leases import acquire

SIMCSE = ArmSpec(objective="simcse", label="simcse")
HOW = ["seeds_together", "why_alone"]
STUDY = study_of(
    short_study(
        objectives=["random_init", "mlm", {"distill": {"teacher": "mlm"}}],
        seeds=3,
        protocols=["linear_probe"],
        linear_probe={"max_length": 32, "poolings": ["mean"], "inverse_penalties": [1.0]},
        finetune=None,
    )
)


def run(home, batch_seeds, emit=lambda event: None):
    session = Session(STUDY, home=home, device="cpu", workers=1, batch_seeds=batch_seeds)
    return session, session.run(emit)


def pretrained(rows, arm):
    return rows[(rows["arm"] == arm) & ~rows["is_floor"]]


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    return run(tmp_path_factory.mktemp("single"), "auto")


def test_rows_are_those_of_single_runs(single, tmp_path):
    started = []
    session, rows = run(tmp_path, 3, lambda e: started.append(e.key) if e.what == "start" else None)
    alone, wanted = single
    assert [stage.key for stage in session.stages] == [stage.key for stage in alone.stages]
    assert all(session.store.is_done(*stage.key) for stage in session.stages)
    assert len(started) == len(set(started)) == len(session.stages)
    numbers = ["value", "selection_value"]
    same = [name for name in rows if name not in {*HOW, *CLOCKS, *numbers, "collapse", "plateau"}]
    pd.testing.assert_frame_equal(rows[same], wanted[same])
    for name in numbers:
        assert rows[name].to_numpy() == pytest.approx(wanted[name].to_numpy(), abs=0.05)
    for arm in ("mlm", "distill"):
        assert set(pretrained(rows, arm)["seeds_together"]) == {3}
        assert set(pretrained(rows, arm)["why_alone"]) == {""}
        assert set(pretrained(wanted, arm)["seeds_together"]) == {1}
    assert set(pretrained(rows, "random_init")["why_alone"]) == {"nothing is trained"}


def pretrain_alone(home, emit=lambda event: None):
    """Run the pretrainings of mlm, three at once; return what each says of its company."""
    session = Session(STUDY, home=home, device="cpu", workers=1, batch_seeds=3)
    session.prepare()
    stages = [stage for stage in session.stages if stage.label.startswith("pretrain mlm")]
    session.execute(stages, partial(emit, session, stages))
    return [
        (cost["seeds_together"], cost["why_alone"], cost["final_loss"])
        for cost in (session.store.read_json(*stage.key, "cost.json") for stage in stages)
    ]


def test_what_fails_together_runs_alone(single, tmp_path, monkeypatch):
    def fail(*arguments, **named):
        raise RuntimeError("vmap cannot")

    monkeypatch.setattr(together, "train", fail)
    events = []
    why = "seeds at once failed: vmap cannot"
    costs = pretrain_alone(tmp_path, lambda session, stages, event: events.append(event))
    assert any(why in event.note for event in events)
    started = [event.label for event in events if event.what == "start"]
    assert started == [f"pretrain mlm, seed {seed}" for seed in range(3)]
    session = single[0]
    alone = [stage for stage in session.stages if stage.label.startswith("pretrain mlm")]
    losses = [session.store.read_json(*each.key, "cost.json")["final_loss"] for each in alone]
    assert costs == [(1, why, loss) for loss in losses]


def test_what_another_worker_holds_is_left_to_it(tmp_path):
    held = []

    def give_back(session, stages, event):
        if event.what == "done":
            held[0].path.unlink(missing_ok=True)

    session = Session(STUDY, home=tmp_path, device="cpu", workers=1)
    stage = next(each for each in session.stages if each.label == "pretrain mlm, seed 1")
    session.store.open()
    held.append(acquire(tmp_path / "leases", *stage.key))
    costs = pretrain_alone(tmp_path, give_back)
    assert [number for number, _, _ in costs] == [2, 1, 2]
    assert costs[1][1] == "no other seed of it was ready and free"


def test_groups_are_the_seeds_of_one_arm():
    study = STUDY.model_copy(update={"objectives": (*STUDY.objectives, SIMCSE)})
    groups = seed_groups(make_plan(study, None).stages)
    labels = {stage.key: stage.label for stage in make_plan(study, None).stages}
    by_label = {labels[key]: [each.label for each in group] for key, group in groups.items()}
    assert by_label["pretrain mlm, seed 1"] == ["pretrain mlm, seed 0", "pretrain mlm, seed 2"]
    assert len(by_label["pretrain distill, seed 0"]) == 2
    assert by_label["pretrain simcse, seed 0"] == by_label["pretrain random_init, seed 0"] == []


def test_auto_is_one_on_a_cpu_and_ten_on_a_gpu():
    assert [seeds_at_once("auto", device) for device in ("cpu", "cuda:1")] == [1, 10]
    assert parse_batch_seeds("4") == seeds_at_once(4, "cpu") == 4
    with pytest.raises(SpecError, match="batch_seeds must be auto or a number from 1 on; got '-2'"):
        parse_batch_seeds("-2")
