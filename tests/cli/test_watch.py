"""What a run shows: how far it is, and how long the rest takes by what was seen so far."""

from types import SimpleNamespace

import pytest

from mae_bench.cli.watch import Watch
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.runner.work import Event

RAW = {
    "name": "small",
    "corpus": {"sources": ["world"], "tokens": 20_000, "row_length": 32},
    "pretrain": {"budget": {"steps": 4}, "batch_rows": 8},
    "objectives": ["mlm"],
    "tasks": ["world/topic"],
    "train_sizes": [20],
    "seeds": 2,
}


@pytest.fixture
def session(tmp_path):
    store = SimpleNamespace(is_done=lambda kind, id_: False)
    return SimpleNamespace(plan=make_plan(study_of(RAW), None), store=store)


def done(stage, seconds):
    return Event("done", stage.key, stage.label, seconds=seconds)


def test_the_time_left_is_a_lower_bound_until_every_sort_of_stage_was_seen(session, capsys):
    watch = Watch(session)
    assert watch.left() == ""  # nothing is known
    trained = [s for s in session.plan.stages if s.label.startswith("pretrain mlm")]
    others = [s for s in session.plan.stages if s not in trained and "seed 1" not in s.label]
    for stage in others:
        watch(done(stage, 30.0))
    assert watch.left() == "more than 2 min left"  # five of 30 s, and pretrainings of mlm
    watch(done(trained[0], 120.0))
    assert watch.left() == "about 4 min left"
    for stage in session.plan.stages:
        watch(done(stage, 30.0))
    assert watch.num_run == len(session.plan.stages)
    assert "(30 s, the last)" in capsys.readouterr().err.splitlines()[-1]
