"""A tracker gets whole curves, and whatever it does the run goes on, with one warning."""

import importlib.util
import json
import sys

import pytest
from test_executors import CLOCKS, STUDY

from mae_bench.errors import SpecError
from mae_bench.planning.study import study_of
from mae_bench.runner import tracking
from mae_bench.runner.session import Session
from mae_bench.runner.tracking import TRACKERS, Tracking, check_tracker
from mae_bench.runner.work import Event
from mae_bench.store.store import Store
from mae_bench.tuning.api import run_study

PRETRAINED = [Event("done", ("pretrain", f"{i}"), f"pretrain mlm, seed {i}") for i in range(40)]
needs_tensorboard = pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is None,
    reason="the extra mae-bench[tensorboard] is not installed",
)


def tracked(tmp_path, code, events):
    """Return what is heard of events while a tracker runs a piece of Python."""
    heard = []
    command = [sys.executable, "-c", code]
    with Tracking("mine", command, tmp_path, Store(tmp_path), heard.append) as hears:
        for event in events:
            hears(event)
    return heard


def test_a_tracker_gets_a_line_for_each_pretraining_that_ended_here(tmp_path):
    others = [
        Event("start", ("pretrain", "0"), "pretrain mlm, seed 0"),
        Event("elsewhere", ("pretrain", "x"), "pretrain mlm, seed x"),
        Event("done", ("evaluate", "y"), "evaluate mlm"),
    ]
    code = f"import sys; open({str(tmp_path / 'got')!r}, 'w').write(sys.stdin.read())"
    assert tracked(tmp_path, code, [*others, *PRETRAINED]) == [*others, *PRETRAINED]
    lines = [json.loads(line) for line in (tmp_path / "got").read_text().splitlines()]
    assert [(line["run"], line["id"]) for line in lines] == [
        (f"mlm, seed {i}", f"{i}") for i in range(40)
    ]
    assert lines[3]["folder"] == str(tmp_path / "artefacts" / "pretrain" / "3")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("print('ValueError: no key'); raise SystemExit(1)", "ValueError: no key"),
        ("import os; os._exit(3)", "its process ended with code 3"),
        ("import sys; sys.stdin.readline(); print('full'); sys.exit(1)", "full"),
    ],
)
def test_a_tracker_that_fails_is_one_warning(tmp_path, code, reason):
    heard = tracked(tmp_path, code, PRETRAINED)
    warnings = [event for event in heard if event.what == "message"]
    assert [event for event in heard if event.what == "done"] == PRETRAINED
    assert len(warnings) == 1
    assert warnings[0].note.startswith(f"warning: tracking by mine stopped ({reason}); the run go")


def test_a_tracker_that_hangs_is_ended_with_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(tracking, "LAST_S", 0)
    heard = tracked(tmp_path, "import time\nwhile True: time.sleep(3600)", PRETRAINED)
    assert [event for event in heard if event.what == "done"] == PRETRAINED
    assert [event.note[:69] for event in heard if event.what == "message"] == [
        "warning: tracking by mine stopped (it did not end within 0 s of the r"
    ]


def test_a_tracker_that_cannot_be_started_is_one_warning(tmp_path):
    heard = []
    missing = [str(tmp_path / "none")]
    with Tracking("mine", missing, tmp_path, Store(tmp_path), heard.append) as hears:
        hears(PRETRAINED[0])
    assert [event.what for event in heard] == ["done", "message"]
    assert "No such file" in heard[1].note


def test_an_unknown_or_missing_tracker_is_refused_in_a_sentence(tmp_path, monkeypatch):
    with pytest.raises(SpecError, match=r"--track takes tensorboard, .*Did you mean 'wandb'\?$"):
        check_tracker("wand", "--track")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for name in TRACKERS:
        with pytest.raises(SpecError, match=rf"needs the package .*pip install .*\[{name}\]'`$"):
            Session(study_of(STUDY), home=tmp_path, track=name)
    assert not list(tmp_path.iterdir())
    check_tracker(None)


@needs_tensorboard
@pytest.mark.slow
@pytest.mark.executors
def test_tensorboard_gets_every_point_of_every_curve(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    study = study_of({**STUDY, "objectives": ["random_init", "mlm"], "name": "tiny_one"})
    heard = []
    run_study(study, home=tmp_path, device="cpu", track="tensorboard", emit=heard.append)
    assert not [event.note for event in heard if event.what == "message"]
    session = Session(study, home=tmp_path, device="cpu")
    seen = 0
    for stage in session.plan.stages:
        if stage.kind != "pretrain":
            continue
        name = f"{stage.label.removeprefix('pretrain ')} {stage.id[:8]}"
        events = EventAccumulator(str(session.folder / "tensorboard" / name)).Reload()
        curve = json.loads((session.store.path(*stage.key) / "curve.json").read_text())
        if not curve["step"]:
            continue
        points = [(event.step, event.value) for event in events.Scalars("loss")]
        assert points == [
            (step, pytest.approx(loss))
            for step, loss in zip(curve["step"], curve["loss"], strict=True)
        ]
        seen += 1
    assert seen == 1


@needs_tensorboard
@pytest.mark.slow
@pytest.mark.executors
def test_a_tracker_that_raises_moves_no_row(tmp_path):
    study = study_of(STUDY)
    blocked, heard = Session(study, home=tmp_path / "a"), []
    blocked.folder.mkdir(parents=True)
    (blocked.folder / "tensorboard").write_text("a file where its folder would be")
    rows = run_study(
        study, home=tmp_path / "a", device="cpu", track="tensorboard", emit=heard.append
    )
    warnings = [event.note for event in heard if event.what == "message"]
    assert len(warnings) == 1 and "warning: tracking by tensorboard stopped (" in warnings[0]
    ours = run_study(study, home=tmp_path / "b", device="cpu")
    assert ours["failure"].isna().all()
    assert rows.drop(columns=CLOCKS).equals(ours.drop(columns=CLOCKS))
