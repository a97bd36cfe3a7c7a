"""Workers take the seeds of an arm together: rows, checkpoints and failures are those of each."""

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
from mae_bench.store.leases import acquire

HOW = ["seeds_together", "why_alone"]
STUDY = study_of(
    short_study(
        objectives=["random_init", "mlm", {"distill": {"teacher": "mlm"}}, "simcse"],
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
    assert set(pretrained(rows, "simcse")["seeds_together"]) == {1}
    assert all("dropout" in why for why in pretrained(rows, "simcse")["why_alone"])
    assert set(pretrained(rows, "random_init")["why_alone"]) == {"nothing is trained"}


def test_what_fails_together_runs_alone(single, tmp_path, monkeypatch):
    def fail(*arguments, **named):
        raise RuntimeError("vmap cannot")

    monkeypatch.setattr(together, "train", fail)
    messages = []
    _, rows = run(tmp_path, 3, lambda e: messages.append(e.note) if e.what == "message" else None)
    assert any("seeds at once failed: vmap cannot" in note for note in messages)
    why = "seeds at once failed: vmap cannot"
    assert set(pretrained(rows, "mlm")["why_alone"]) == {why}
    pd.testing.assert_frame_equal(rows.drop(columns=[*HOW, *CLOCKS]),
                                  single[1].drop(columns=[*HOW, *CLOCKS]))  # fmt: skip


def test_what_another_worker_holds_is_left_to_it(tmp_path):
    session = Session(STUDY, home=tmp_path, device="cpu", workers=1, batch_seeds=3)
    session.prepare()
    mlm = [stage for stage in session.stages if stage.label.startswith("pretrain mlm")]
    held = acquire(tmp_path / "leases", *mlm[1].key)

    def give_back(event):
        if event.what == "done" and event.key == mlm[0].key:
            held.path.unlink()

    rows = session.run(give_back)
    by_seed = pretrained(rows, "mlm").groupby("pretrain_seed")["seeds_together"].first()
    assert by_seed.to_list() == [2, 1, 2]
    why = pretrained(rows, "mlm").groupby("pretrain_seed")["why_alone"].first()
    assert why[1] == "no other seed of it was ready and free"


def test_groups_are_the_seeds_of_one_arm():
    stages = make_plan(STUDY, None).stages
    groups = seed_groups(stages)
    labels = {stage.key: stage.label for stage in stages}
    by_label = {labels[key]: [each.label for each in group] for key, group in groups.items()}
    assert by_label["pretrain mlm, seed 1"] == ["pretrain mlm, seed 0", "pretrain mlm, seed 2"]
    assert len(by_label["pretrain distill, seed 0"]) == 2
    assert by_label["pretrain simcse, seed 0"] == by_label["pretrain random_init, seed 0"] == []


def test_auto_is_one_on_a_cpu_and_ten_on_a_gpu():
    assert [seeds_at_once("auto", device) for device in ("cpu", "cuda:1")] == [1, 10]
    assert parse_batch_seeds("4") == seeds_at_once(4, "cpu") == 4
    with pytest.raises(SpecError, match="batch_seeds must be auto or a number from 1 on; got '-2'"):
        parse_batch_seeds("-2")
