"""The command line: quick help, JSON for programs, one line for each wrong input."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import mae_bench
from mae_bench.cli import main

STUDY = """\
name: small
backbone: {num_layers: 1, hidden_size: 32, num_heads: 2}
corpus: {sources: [world], tokens: 20_000, row_length: 32}
pretrain: {budget: {steps: 4}, batch_rows: 8}
objectives: [mlm, mae]
tasks: [world/topic]
train_sizes: [20]
seeds: 2
"""


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(STUDY)
    return str(path)


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("MAE_BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MAE_BENCH_DATA", raising=False)

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return run


def imported_by(code):
    """Return what a fresh interpreter has imported after some code."""
    code += "\nimport sys; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    return set(done.stdout.split())


HEAVY = {"torch", "transformers", "datasets", "sklearn", "scipy", "pandas", "matplotlib"}


def test_importing_the_package_or_the_command_line_is_light():
    assert not HEAVY & imported_by("import mae_bench")
    assert not HEAVY & imported_by("import mae_bench.cli")
    assert not HEAVY & imported_by("from mae_bench import load_study; load_study('quickstart')")


def test_a_plan_imports_nothing_that_only_runs_and_reports_need(study, tmp_path):
    code = f"""
from mae_bench.cli import main
try:
    main(["plan", {study!r}, "--home", {str(tmp_path)!r}])
except SystemExit:
    pass
"""
    assert not HEAVY - {"torch", "scipy"} & imported_by(code)


def test_a_finished_study_is_recognised_without_torch(study, run, tmp_path):
    """The slowest imports stay away from a run that has nothing to do."""
    code = f"""
import sys
from pathlib import Path
from mae_bench import load_study
from mae_bench.runner.completion import num_finished
from mae_bench.store.store import Store
num_finished(Store({str(tmp_path)!r}), load_study({study!r}), None)
"""
    (tmp_path / "studies" / "small").mkdir(parents=True)
    (tmp_path / "studies" / "small" / "results.parquet").touch()
    (tmp_path / "studies" / "small" / "finished.json").write_text('{"key": "", "stages": []}')
    assert not HEAVY & imported_by(code)


def test_public_names_are_there():
    assert {"Objective", "View", "LossOutput", "Task", "Source", "Study", "Session"} <= {
        *mae_bench.__all__
    }
    assert {"plan", "report", "errors", "load_study", "run_study"} <= {*dir(mae_bench)}
    for name in mae_bench.__all__:
        assert getattr(mae_bench, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'run_studdy'"):
        _ = mae_bench.run_studdy


def test_the_console_script_and_the_module_are_one():
    script = Path(sys.executable).with_name("mae-bench")
    for command in ([str(script)], [sys.executable, "-m", "mae_bench"]):
        done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True)
        for verb in ("list", "plan", "prepare", "run", "status", "report", "quickstart"):
            assert verb in done.stdout


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("objectives", "mae"),
        ("tasks", "world/topic"),
        ("corpora", "world"),
        ("protocols", "finetune"),
        ("noises", "typos"),
        ("suites", "quickstart"),
    ],
)
def test_list_shows_each_kind(run, kind, name):
    code, out, _ = run("list", kind, "--json")
    assert code == 0
    assert name in [part["name"] for part in json.loads(out)]
    code, out, _ = run("list", kind)
    assert any(line.split("\t")[0] == name for line in out.splitlines())


def test_list_without_a_kind_shows_all(run):
    code, out, _ = run("list", "--json")
    assert code == 0
    printed = json.loads(out)
    kinds = "objectives maskings backbones tasks kinds corpora protocols metrics noises executors"
    assert set(printed) == {*kinds.split(), "suites", "papers", "study"}
    assert {"mae/speed", "wettig/corruption_vs_prediction"} <= {
        p["name"] for p in printed["papers"]
    }


def test_the_keys_of_a_study_say_what_is_written_and_what_stands_there_otherwise(run):
    _, out, _ = run("list", "study", "--json")
    keys = {key["name"]: key for key in json.loads(out)}
    assert keys["seeds"]["allowed"] == "a count or a list of whole numbers"
    assert keys["pretrain.budget.tokens"]["default"] == "2000000"
    assert keys["tuning.budget.tokens"]["default"] == "500000"
    assert keys["backbone.preset"]["allowed"].startswith("one of tiny, ")
    assert keys["objectives[].label"]["default"] != "required"
    assert keys["objectives"]["default"] == "[] beside encoders"
    assert keys["tasks"]["default"] == "required"


def test_plan_tells_what_it_takes_and_writes_nothing(run, study, tmp_path):
    code, out, _ = run("plan", study, "--json", "--device", "cpu", "--workers", "1")
    assert code == 0
    printed = json.loads(out)
    assert printed["counts"]["cells"] == 5 * 2
    assert printed["stages"]["pretrain"] == {"all": 6, "done": 0, "failed": 0}
    arms = {arm["label"]: arm for arm in printed["arms"]}
    assert arms["mlm"]["steps"] == 4 and arms["mlm"]["flops"] > 0
    assert arms["random_init"]["flops"] == 0
    assert printed["seconds"] > 0 and not printed["is_measured"]
    assert printed["detectable"] == []
    assert any("below 6" in text for text in printed["warnings"])
    assert not (tmp_path / "home").exists()
    code, out, _ = run("plan", study)
    assert "rough guess" in out and "nothing: a verdict needs 6 seeds" in out


def test_plan_of_a_budget_in_seconds_knows_no_steps(run, study):
    _, out, _ = run("plan", study, "--json", "--set", "pretrain.budget.seconds=60")
    printed = json.loads(out)
    assert {arm["label"]: arm["steps"] for arm in printed["arms"]}["mlm"] is None
    assert printed["seconds"] > 4 * 60


def test_status_of_a_study_never_run(run, study, tmp_path):
    code, out, _ = run("status", study, "--json")
    assert code == 0
    printed = json.loads(out)
    assert (printed["done"], printed["failed"], printed["rows"]) == (0, 0, None)
    assert not (tmp_path / "home").exists()


def test_the_flag_of_the_home_wins(run, study, tmp_path):
    _, out, _ = run("status", study, "--json", "--home", str(tmp_path / "other"))
    assert json.loads(out)["home"] == str(tmp_path / "other")


def test_a_home_that_cannot_be_is_refused_before_anything_is_read(run, study):
    code, _, err = run("plan", study, "--home", study + "/deeper")
    assert code == 2
    assert f"{study} is a file; choose another folder" in err
    code, _, err = run("plan", study, "--home", "")
    assert code == 2
    assert "--home is empty; name a folder" in err


WRONG = {
    "unknown kind": (["list", "task"], "cannot list 'task'", "Did you mean 'tasks'?"),
    "no such study": (["run", "quikstart"], "no study 'quikstart'", "Did you mean 'quickstart'?"),
    "unknown key": (["run", "STUDY", "--set", "bakbone={}"], "unknown key 'bakbone'"),
    "preset": (["run", "STUDY", "--set", "backbone.preset=tinny"], "Did you mean 'tiny'?"),
    "objective": (["run", "STUDY", "--set", "objectives=[maee]"], "Did you mean 'mae'?"),
    "option": (
        ["run", "STUDY", "--set", "objectives=[{mae: {ratio: 1}}]"],
        "objective 'mae' has no option 'ratio'",
    ),
    "ratio": (["run", "STUDY", "--set", "objectives=[{mae: {mask_ratio: 1}}]"], "mask_ratio"),
    "task": (["run", "STUDY", "--set", "tasks=wrld/topic"], "unknown task 'wrld/topic'"),
    "protocol": (["run", "STUDY", "--set", "protocols=probe"], "unknown protocol 'probe'"),
    "home": (["run", "STUDY", "--home", "/dev/null/x"], "/dev/null/x cannot be written"),
    "scale": (["run", "STUDY", "--scale", "gpu"], "unknown scale 'gpu'", "has no scales"),
    "device": (["run", "STUDY", "--device", "tpu"], "--device must be one of auto, cpu, cuda"),
    "workers": (["run", "STUDY", "--workers", "0"], "--workers must be at least 1, got 0"),
    "retry": (["run", "STUDY", "--retry", "all"], "--retry takes one word, 'failed'"),
    "report of nothing": (["report", "STUDY"], "rows"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_line_and_exit_code_2(run, study, case):
    arguments, *parts = WRONG[case]
    code, out, err = run(*(study if part == "STUDY" else part for part in arguments))
    assert code == 2, err
    assert out == ""
    (line,) = [line for line in err.splitlines() if not line.startswith("warning: ")]
    assert line.startswith("error: ")
    for part in parts:
        assert part in err


def test_the_flags_are_frozen():
    """What a study holds belongs into the study: think twice before adding a flag."""
    import inspect

    from mae_bench.cli import reading, reporting, running

    flags = set()
    verbs = (reading.list_parts, reading.plan, reading.status, running.prepare, running.run)
    for verb in (*verbs, reporting.report, running.quickstart):
        flags |= set(inspect.signature(verb).parameters)
    assert flags == {
        "kind",
        "study",
        "overrides",
        "scale",
        "home",
        "data_dir",
        "device",
        "workers",
        "executor",
        "executor_options",
        "ray_address",
        "shard",
        "track",
        "compile_by",
        "parallel",
        "batch_seeds",
        "retry",
        "out",
        "as_json",
        "studies",
        "form",
        "tables_only",
        "spread",
        "lang",
        "of_all",
        "foreign",
    }


def test_check_holds_a_backbone_to_its_contract(run):
    code, out, err = run("check", "gru", "--json")
    printed = json.loads(out)
    assert code == 0 and printed["backbone"] == "gru" and printed["is_kept"], err
    assert "'gru' keeps all" in err
    code, _, err = run("check", "bertt")
    assert code == 2 and "unknown objective or backbone 'bertt'" in err and "'bert'?" in err
    code, _, err = run("check", "bert", "--set", "mask_ratio=0.4")
    assert code == 2 and "'bert' is a backbone" in err


@pytest.mark.parametrize("name", ["mixture", "distill", "phases"])
def test_check_says_how_options_without_a_default_are_given(run, name, monkeypatch):
    from mae_bench.contract import objective

    first = {"json": objective.CHECKS["json"]}
    monkeypatch.setattr(objective, "CHECKS", first)  # all of them take seconds
    code, _, err = run("check", name)
    assert code == 2 and f"objective '{name}' has no default for " in err
    _, _, command = err.strip().partition("as in mae-bench ")
    code, _, err = run(*shlex.split(command))
    assert code == 0, err


def test_every_verb_with_a_study_takes_the_one_set_of_flags():
    from dataclasses import fields

    import typer

    from mae_bench.cli import app
    from mae_bench.cli.options import Flags

    verbs = typer.main.get_command(app).commands
    with_study = verbs.keys() - {"list", "check", "export"}
    assert with_study == {
        *(
            "plan",
            "calibrate",
            "prepare",
            "tune",
            "run",
            "status",
            "report",
            "quickstart",
            "reproduce",
            "evaluate",
            "claims",
        )
    }
    one_set = {field.name: field.default for field in fields(Flags)}
    for name in with_study:
        taken = {flag.name: flag.default for flag in verbs[name].params}
        assert one_set.items() <= taken.items(), name


@pytest.mark.parametrize("verb", ["plan", "prepare", "tune", "run", "status", "report"])
def test_a_wrong_flag_is_refused_by_every_verb(run, study, verb):
    for flag, value, refusal in (
        ("--device", "tpu", "--device must be one of"),
        ("--workers", "0", "--workers must be at least 1"),
        ("--executor", "locl", "unknown executor 'locl'"),
        ("--compile", "fast", "--compile must be one of auto, off, graph, inductor; got 'fast'"),
        ("--batch-seeds", "0", "--batch-seeds must be auto or a number from 1 on; got '0'"),
        ("--batch-seeds", "all", "--batch-seeds must be auto or a number from 1 on; got 'all'"),
    ):
        code, out, err = run(verb, study, flag, value)
        assert (code, out) == (2, "") and refusal in err, err
