"""Tuning from YAML to report: the same trials for every arm, once each, whatever kills it."""

import json
import shutil

import numpy as np
import optuna
import pandas as pd
import pytest
from command_line import call, start
from tiny_study import STUDY, log, rows, stop_at_work

from mae_bench.planning.study import load_study
from mae_bench.runner.session import Session
from mae_bench.specs import PEAK_LR
from mae_bench.store.artefact import finish as mark_done
from mae_bench.tuning import tune

ARMS = "objectives: [mlm, {mae: {mask_ratio: 0.5}}]"
SECTION = "tuning: {trials: 3, budget: {steps: 12}, train_size: 20}\n"


@pytest.fixture(scope="module")
def yaml(tmp_path_factory):
    path = tmp_path_factory.mktemp("study") / "tiny.yaml"
    text = STUDY.replace("objectives: [mlm, {distill: {teacher: mlm}}]", ARMS)
    assert ARMS in text
    path.write_text(text.replace("seeds: 2", "seeds: 1") + SECTION)
    return path


@pytest.fixture(scope="module")
def tuned(yaml, prepared, tmp_path_factory):
    """Return a home after an undisturbed tuning."""
    home = shutil.copytree(prepared, tmp_path_factory.mktemp("tuned") / "home")
    tune(Session(load_study(yaml), home=home, device="cpu", workers=1))
    return home


def read(home):
    """Return an outcome without what the clock says."""
    outcome = json.loads((home / "studies" / "tiny" / "tuned.json").read_text())
    for arm in outcome["arms"].values():
        for record in (arm, *arm["trials"]):
            record.pop("seconds")
    return outcome


def states(home):
    """Return the states of all trials by study of the database."""
    path = home / "studies" / "tiny" / "tuning.db"
    summaries = optuna.get_all_study_summaries(f"sqlite:///{path}")
    names = [summary.study_name for summary in summaries]
    return {
        name: [
            t.state.name
            for t in optuna.load_study(study_name=name, storage=f"sqlite:///{path}").trials
        ]
        for name in names
    }


def done(home):
    return [(line["kind"], line["id"]) for line in log(home) if line["what"] == "done"]


def test_every_arm_gets_the_same_trials_and_the_test_split_stays_unread(tuned):
    arms = read(tuned)["arms"]
    assert {label: len(arm["trials"]) for label, arm in arms.items()} == {"mlm": 3, "mae": 3}
    for arm in arms.values():
        best = max(arm["trials"], key=lambda trial: trial["value"])
        assert (arm["chosen"], arm["value"]) == (best["options"], best["value"])
        assert arm["flops"] >= max(trial["flops"] for trial in arm["trials"]) > 0
        assert {trial["tokens"] for trial in arm["trials"]} == {12 * 8 * 32}
        assert len(arm["best_of"]) == 3
    rates = [[t["options"][PEAK_LR] for t in arm["trials"]] for arm in arms.values()]
    assert rates[0] == rates[1]
    assert "mask_ratio" not in arms["mae"]["chosen"]
    for path in (tuned / "artefacts" / "evaluate").glob("*/metrics.json"):
        report = json.loads(path.read_text())
        assert report["results"] == [] and report["n_test"] == 0
        assert pd.read_parquet(path.with_name("predictions.parquet")).empty


@pytest.mark.parametrize("sampler", [pytest.param("random", marks=pytest.mark.slow), "tpe"])
def test_killed_and_resumed_it_loses_and_repeats_nothing(
    yaml, prepared, home, tuned, tmp_path, sampler
):
    expected = tuned
    change = ["--set", f"tuning.sampler={sampler}"]
    arguments = ["tune", yaml, "--home", home, "--workers", 1, *change]
    for kind in ("pretrain", "evaluate"):
        process = start(*arguments)
        assert stop_at_work(home, kind, process) == process.pid
        process.kill()
        process.finish()
    assert any("RUNNING" in trial_states for trial_states in states(home).values())
    code, _, err = call(*arguments)
    assert code == 0, err
    assert len(done(home)) == len(set(done(home)))
    assert list(states(home).values()) == [["COMPLETE"] * 3] * 2
    if sampler != "random":
        expected = shutil.copytree(prepared, tmp_path / "undisturbed")
        arguments[3] = expected
        assert call(*arguments)[0] == 0
    assert read(home) == read(expected)

    count = len(log(expected))
    code, out, err = call("tune", yaml, "--home", expected, *change)
    at_edge = [label for label, arm in read(home)["arms"].items() if arm["edges"]]
    assert f"Chosen at the edge of its search: {len(at_edge)} of 2 tuned arms" in err
    assert out.splitlines()[0].startswith("arm\tchosen\tselection value\ttrials")
    assert code == 0 and "nothing to do: 'tiny' is tuned" in err
    assert len(log(expected)) == count


def test_two_processes_at_once_tune_once(yaml, tuned, home):
    both = [start("tune", yaml, "--home", home, "--workers", 1) for _ in range(2)]
    for process in both:
        code, _, err = process.finish()
        assert code == 0, err
    assert read(home) == read(tuned)
    assert len(done(home)) == len(set(done(home)))


def test_a_run_tunes_first_and_its_arms_have_the_choice(yaml, tuned, tmp_path):
    home = shutil.copytree(tuned, tmp_path / "home")
    (home / "studies" / "tiny" / "tuned.json").unlink()
    code, out, _ = call("plan", yaml, "--home", home, "--json")
    facts = json.loads(out)["tuning"]
    assert code == 0 and not facts["is_finished"] and facts["flops"] > 0

    code, _, err = call("run", yaml, "--home", home, "--workers", 1)
    assert code == 0, err
    assert "'tiny' is not tuned yet; its trials come first" in err
    assert "tuned mlm: pretrain.peak_lr" in err
    assert "warning: not tuned yet" not in err
    assert len(done(home)) == len(set(done(home)))
    arms = read(home)["arms"]
    assert read(home) == read(tuned)
    table = rows(home)
    for label, arm in arms.items():
        (options,) = {json.dumps(json.loads(o)) for o in table[table["arm"] == label]["options"]}
        assert (
            json.loads(options).items()
            >= {name: value for name, value in arm["chosen"].items() if name == PEAK_LR}.items()
        )
        spec = json.loads(
            next(
                (home / "artefacts" / "pretrain").glob(f"{_pretrained(table, label)}/spec.json")
            ).read_text()
        )
        assert spec["recipe"]["peak_lr"] == arm["chosen"][PEAK_LR]

    code, _, err = call("run", yaml, "--home", home)
    assert code == 0 and "nothing to do: all" in err
    code, out, _ = call("plan", yaml, "--home", home, "--json")
    assert json.loads(out)["tuning"]["is_finished"]

    code, _, err = call("report", yaml, "--home", home, "-o", tmp_path / "report")
    assert code == 0, err
    text = (tmp_path / "report" / "tables" / "tuning.csv").read_text()
    page = (tmp_path / "report" / "index.html").read_text()
    assert "Chosen at the edge of its search: " in page and "at the edge" in text
    assert "expected best of k" in text and "mlm" in text and "pretrain.peak_lr" in text


def _pretrained(table, label):
    return table[table["arm"] == label]["pretrain_id"].iloc[0]


def test_the_test_split_cannot_move_the_choice(yaml, tuned, home):
    session = Session(load_study(yaml), home=home, device="cpu", workers=1)
    session.prepare()
    (folder,) = (home / "artefacts" / "task").iterdir()
    test = pd.read_parquet(folder / "test.parquet")
    test["label"] = np.random.default_rng(0).permutation(test["label"].to_numpy())
    test.to_parquet(folder / "test.parquet", index=False)
    (folder / "done.json").unlink()
    mark_done(folder, {}, is_synced=False)
    tune(session)
    assert read(home) == read(tuned)


def test_diverged_trials_are_counted_and_tried_again_on_demand(yaml, home):
    changes = ["pretrain.peak_lr=1e30", "objectives=[mlm]", "tuning.trials=2"]
    session = Session(load_study(yaml, changes), home=home, device="cpu", workers=1)
    outcome = tune(session)
    arm = outcome.arms["mlm"]
    assert (len(arm.trials), arm.num_failed, arm.value, arm.chosen) == (2, 2, None, {})
    assert all("pretraining failed" in trial.failure for trial in arm.trials)
    assert list(states(home).values()) == [["FAIL"] * 2]
    count = len(log(home))
    assert tune(session) == outcome
    assert len(log(home)) == count
    assert tune(session, retry_failed=True) == outcome
    assert [line["what"] for line in log(home)[count:]] == ["failed"] * 2
    changes = [argument for change in changes for argument in ("--set", change)]
    code, out, err = call("tune", yaml, "--home", home, *changes)
    assert code == 1 and "failed: every trial of 'mlm'" in err
    assert "the study's own options stay" in out
