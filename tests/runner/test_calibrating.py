"""Samples of stages: what is read from their progress, and that nothing of them stays."""

import json

import pytest
from tiny_study import times, write_study

from mae_bench.cli import main
from mae_bench.cli.time_left import TimeLeft
from mae_bench.planning.calibration import calibration_file
from mae_bench.planning.machine import this_machine
from mae_bench.runner.samples import Pace, _Enough


class Ticks:
    """A clock that is told what it shows."""

    def __init__(self, *seconds):
        self.seconds = [0.0, *seconds]

    def __call__(self):
        return self.seconds.pop(0)


def test_the_rest_is_told_from_the_rate_after_the_first_report():
    pace = Pace(Ticks(5.0, 6.0, 7.0), stop_s=6.5)
    pace.start()
    pace(25, 200)  # the first steps were slow
    pace(50, 200)
    with pytest.raises(_Enough):
        pace(75, 200)
    assert pace.unit_s == pytest.approx(1 / 25)
    assert pace.whole_s(1.0, 0.0) == pytest.approx(7 + 5)
    assert pace.whole_s(1.5, 0.0) == pytest.approx(7 + 9)  # a rate more will be tried
    assert pace.whole_s(1.0, 0.25) == pytest.approx(7 + 5 + 2)  # and texts read after it


def test_a_sample_is_not_stopped_before_its_rate_is_known():
    pace = Pace(Ticks(50.0, 60.0, 70.0, 80.0), stop_s=1.0)
    pace.start()
    pace(0, 1, "the head alone")
    pace(25, 200)
    pace(50, 200)
    with pytest.raises(_Enough):
        pace(75, 200)


def test_the_time_left_follows_what_was_seen_beside_what_was_expected():
    keys = [("evaluate", str(number)) for number in range(4)]
    left = TimeLeft(dict(zip(keys, (10.0, 30.0, 5.0, 0.0), strict=True)))
    for key, sort in zip(keys[:3], ("a", "a", "b"), strict=True):
        left.add(key, sort, "evaluate")
    assert left.seconds() == (45.0, True)
    left.ended(keys[0], 20.0)  # twice as long as was expected: so will others of its sort be
    seconds, is_whole = left.seconds()
    assert seconds == pytest.approx(60 + 5 * (20 + 20) / (10 + 20)) and is_whole
    left.ended(keys[2], None)  # failed
    assert left.seconds() == (60.0, True)
    left.again(keys[0])
    assert left.seconds() == (80.0, True)
    left.add(keys[3], "unknown", "pretrain")
    assert left.seconds() == (80.0, False)


def test_a_first_stage_of_a_moment_says_little_of_long_ones():
    moment, long = ("pretrain", "untrained"), ("pretrain", "trained")
    left = TimeLeft({moment: 0.01, long: 100.0})
    left.add(moment, "untrained", "pretrain")
    left.add(long, "trained", "pretrain")
    left.ended(moment, 8.0)  # its process imported torch
    assert left.seconds()[0] == pytest.approx(108, rel=1e-3)


@pytest.fixture
def ended(capsys):
    def ended(*words, code):
        with pytest.raises(SystemExit) as ending:
            main(list(map(str, words)))
        printed = capsys.readouterr()
        assert ending.value.code == code, printed.err
        return printed

    return ended


@pytest.fixture
def command(ended):
    def command(*words):
        return ended(*words, code=0).out

    return command


def test_a_calibrated_plan_says_what_was_timed_and_trains_nothing_more(tmp_path, command):
    study, home = write_study(tmp_path, protocols=["finetune", "linear_probe"]), tmp_path / "home"
    where = (study, "--home", home, "--device", "cpu", "--workers", "1")
    before = command("plan", *where)
    assert "`mae-bench calibrate STUDY` times its work" in before
    new = json.loads(command("calibrate", *where, "--seconds", "20", "--json"))
    groups = {timing["group"] for timing in new["timings"].values()}
    assert groups == {"pretrain", "majority", "tfidf", "finetune", "linear_probe"}
    assert all(t["fixed_s"] + t["step_s"] > 0 for t in new["timings"].values())
    kinds = {path.name for path in (home / "artefacts").iterdir()} - {".building"}
    assert kinds == {"tokenizer", "blocks", "task"}  # no sample stays
    kept = times(home)
    after = command("plan", *where)
    longer = json.loads(
        command("plan", *where, "--json", "--set", "pretrain.budget.steps=10_000_000")
    )
    (steps_s,) = (
        t["step_s"] for t in new["timings"].values() if t["label"].startswith("pretrain mlm")
    )
    assert steps_s > 0 and longer["seconds"] > 1e7 * steps_s  # though all four steps were timed
    assert "by `mae-bench calibrate`, which renews it, on" in after and times(home) == kept
    facts = json.loads(command("plan", *where, "--json"))
    assert facts["speed"]["timed_ratio"] == pytest.approx(1)

    def but_time(text):
        return [line for line in text.splitlines() if line.startswith(("arm", "mlm", "pretrain "))]

    assert but_time(after) == but_time(before)


@pytest.mark.parametrize("is_file", [True, False])
def test_what_stands_where_a_calibration_must_is_named_before_anything_is_timed(
    tmp_path, ended, is_file
):
    study, home = write_study(tmp_path), tmp_path / "home"
    path = calibration_file(home, this_machine("cpu"))
    if is_file:
        home.mkdir()
        path.parent.write_text("mine")
    else:
        path.mkdir(parents=True)
        planned = ended("plan", study, "--home", home, "--device", "cpu", code=0).out
        assert "is a folder and is not used; once it is moved away, `mae-bench cal" in planned
    printed = ended("calibrate", study, "--home", home, "--device", "cpu", code=2)
    wrong = path.parent if is_file else path
    (line,) = printed.err.splitlines()
    assert line.startswith(f"error: {wrong} is a {'file' if is_file else 'folder'}, and")
    assert not (home / "artefacts").exists()


def test_a_budget_of_seconds_tells_a_step_and_all_that_is_prepared_is_counted(tmp_path, ended):
    study = write_study(
        tmp_path,
        pretrain={"budget": {"seconds": 60}, "batch_rows": 8},
        objectives=[{"mlm": {"masking": "pmi"}}],
        protocols=["linear_probe"],
    )
    where = (study, "--home", tmp_path / "home", "--device", "cpu", "--workers", "1")
    printed = ended("calibrate", *where, "--seconds", "1", "--json", code=0)
    assert "[4/4] collocations of the corpus" in printed.err
    timings = json.loads(printed.out)["timings"].values()
    (timing,) = (t for t in timings if t["label"].startswith("pretrain mlm"))
    assert 0 < timing["step_s"] < 1 and timing["modelled_s"] == 0  # a minute is that of no step


def test_data_that_cannot_be_prepared_end_a_calibration_with_their_cause(tmp_path, ended):
    (tmp_path / "short.txt").write_text("hello\n")
    corpus = {"sources": [str(tmp_path / "short.txt")], "row_length": 32}
    study, home = write_study(tmp_path, corpus=corpus), tmp_path / "home"
    printed = ended("calibrate", study, "--home", home, "--device", "cpu", "--workers", "1", code=2)
    last = printed.err.splitlines()[-1]
    assert last.startswith("error: nothing is timed without 'blocks of short.txt")
    assert "gives no row" in last and not (home / "calibration").exists()
