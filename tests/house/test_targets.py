"""The table of speed targets: what it measures, how it reads its scripts, and what it keeps."""

import importlib
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_study import write_study

FOLDER = Path(__file__).parents[2] / "benchmarks" / "speed"


@pytest.fixture
def speed(monkeypatch):
    """Return the modules beside the benchmarks, imported as they import one another."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module


def call(*arguments):
    command = [sys.executable, FOLDER / "targets.py", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_machine_without_a_card_says_what_it_cannot_measure(tmp_path):
    names = ["utilisation-base", "ten-seeds"]
    done = call("--only", *names, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    records = json.loads((tmp_path / "targets.json").read_text())
    assert sorted(records) == sorted(names)
    assert records["utilisation-base"]["state"] == "not measured: needs a CUDA GPU"
    assert records["utilisation-base"]["torch"] and records["utilisation-base"]["cpu"]
    table = (tmp_path / "targets.md").read_text()
    assert table == done.stdout and "at least 45.0%" in table and "at most 2.50x" in table


def test_a_broken_bound_is_an_error_and_a_missing_card_erases_nothing(tmp_path):
    counts = {"stages": 9, "done": 9, "failed": 0}
    path = tmp_path / "fight.json"
    path.write_text(json.dumps({"minutes": 11.5, "before": {"done": 0}, "after": counts}))
    name = "first-fight-gpu10"
    done = call("--take", name, path, "--device", "cuda", "--out", tmp_path)
    assert done.returncode == 1 and "| 11.5 minutes | **no** |" in done.stdout
    done = call("--only", name, "--out", tmp_path)
    assert "| 11.5 minutes | **no** |" in done.stdout
    path.write_text(json.dumps({"minutes": 9.5, "before": {"done": 0}, "after": counts}))
    done = call("--take", name, path, "--device", "cuda", "--out", tmp_path)
    assert done.returncode == 0 and "| 9.5 minutes | yes |" in done.stdout


def test_an_unknown_line_is_refused_with_those_that_there_are():
    done = call("--only", "utilization")
    assert done.returncode == 2
    assert "no line utilization; there are pretraining-cpu" in done.stderr


def test_a_printed_table_measures_nothing_and_a_kept_command_can_be_called_again(tmp_path):
    home = tmp_path / "a home"
    name = "first-fight-gpu10"
    assert call("--only", name, "--out", tmp_path, "--home", home).returncode == 0
    kept = (tmp_path / "targets.json").read_text()
    words = shlex.split(json.loads(kept)[name]["command"])
    assert words[words.index("--home") + 1] == str(home)
    done = call("--print", "--only", "overhead", "--out", tmp_path)
    assert done.returncode == 0 and "overhead ..." not in done.stderr
    assert (tmp_path / "targets.json").read_text() == kept


def test_the_numbers_of_scripts_are_read(speed):
    read = speed("readings")
    assert read.seeds_to_one({"lines": [{"to_one": 2.13}, {"to_one": 1.9}]}) == 2.13
    tokenising = {"ours": {"whole_s": 120.0, "rss_mb": 612.0}, "theirs": {"whole_s": 150.0}}
    assert read.tokenising_speed(tokenising) == 1.25
    assert read.tokenising_memory(tokenising) == 0.612
    seconds = ("promised_wall_s", "wall_s", "promised_cpu_s", "cpu_s")
    rows = ((90, 100, 88, 80), (9, 3, 9, 3), (70, 50, 80, 100))
    studies = [dict(zip(seconds, row, strict=True)) for row in rows]
    assert read.worst_estimate({"studies": studies}) == pytest.approx(0.2)
    assert read.worst_wall_estimate({"studies": studies}) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="no study took 60 s"):
        read.worst_estimate({"studies": studies[1:2]})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("batched_seeds.py --presets tiny --objectives mlm --seeds 1 2", ["seeds_to_one"]),
        ("tokenising.py --mb 1 --threads 1", ["tokenising_speed", "tokenising_memory"]),
        ("growth.py --tokens --lengths 32", ["num_points"]),
        (
            "estimates.py --only STUDY --workers 1 --seconds 1",
            ["worst_estimate", "worst_wall_estimate"],
        ),
    ],
)
def test_what_a_script_writes_is_what_is_read(speed, command, names, tmp_path, monkeypatch):
    measuring, readings = speed("measuring"), speed("readings")
    monkeypatch.setattr(readings, "MIN_STUDY_S", 0.0)
    words = shlex.split(command.replace("STUDY", str(write_study(tmp_path))))
    commands = measuring.Commands(None, "cpu")
    for name in names:
        target = measuring.Target(name, "", "", None, True, "x", words, getattr(readings, name))
        record = measuring.measure(target, "cpu", commands)
        assert record["state"] == "measured", record.get("error")
        assert record["measured"] > 0 and record["raw"]


def test_the_best_of_each_side_counts(speed):
    read = speed("readings")
    speeds = {"Trainer mlm": 50.0, "tuned Trainer mlm": 80.0, "mae-bench a": 90.0}
    numbers = {"speeds": speeds | {"mae-bench b": 120.0}}
    assert read.pretraining_ratio(numbers) == 1.5
    presets = {"a": {"over": 1.05, "is_counted": True}, "b": {"over": 1.5, "is_counted": False}}
    assert read.worst_over_flops({"presets": presets}) == 1.05


def test_minutes_of_a_fight_that_did_not_end_or_was_begun_before_do_not_count(speed):
    read = speed("readings")
    numbers = {"minutes": 4.0, "before": {"done": 6}, "after": {"stages": 100, "done": 100}}
    assert read.minutes(numbers) == 4.0
    with pytest.raises(ValueError, match="99 of 100 stages done"):
        read.minutes(numbers | {"after": {"stages": 100, "done": 99}})
    with pytest.raises(ValueError, match="50 stages were done before"):
        read.minutes(numbers | {"before": {"done": 50}})


def test_a_command_fails_alone_and_is_run_once(speed, tmp_path, monkeypatch):
    measuring = speed("measuring")
    monkeypatch.setattr(measuring, "HERE", tmp_path)
    (tmp_path / "bad.py").write_text("print('why it failed'); raise SystemExit(3)")
    (tmp_path / "good.py").write_text(
        "import sys; from pathlib import Path\n"
        "with Path(__file__).with_name('calls').open('a') as file: file.write('x')\n"
        "Path(sys.argv[sys.argv.index('--json') + 1]).write_text('{\"ratio\": 3.0}')"
    )

    def line(name, script):
        return measuring.Target(
            name, name, "", 2.0, True, "x", [script], lambda numbers: numbers["ratio"]
        )

    commands = measuring.Commands(None, "cpu")
    states = [
        measuring.measure(line(name, script), "cpu", commands)
        for name, script in (("a", "bad.py"), ("b", "good.py"), ("c", "good.py"), ("d", "no.py"))
    ]
    assert "why it failed" in states[0]["error"] and "measured" not in states[0]
    assert [state.get("measured") for state in states[1:]] == [3.0, 3.0, None]
    assert states[3]["state"] == "not measured: script absent (no.py)"
    assert (tmp_path / "calls").read_text() == "x"
    late = measuring.Commands(0.0, "cpu")
    assert measuring.measure(line("e", "good.py"), "cpu", late)["error"] == "no time was left"


def test_gpu_sh_is_a_script_and_wants_a_home():
    script = FOLDER / "gpu.sh"
    subprocess.run(["bash", "-n", script], check=True)
    done = subprocess.run(["bash", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "a home that was prepared" in done.stderr


def test_gpu_sh_refuses_what_is_no_home(tmp_path):
    path = tmp_path / "other.tar"
    (tmp_path / "notes.txt").write_text("no home")
    subprocess.run(["tar", "-cf", path, "-C", tmp_path, "notes.txt"], check=True)
    for given in (tmp_path, path):
        done = subprocess.run(
            ["bash", FOLDER / "gpu.sh", given],
            capture_output=True, text=True, check=False, timeout=60,
            env={"PATH": "/usr/bin:/bin", "OUT": str(tmp_path / "out"), "PYTHON": "false"},
        )  # fmt: skip
        assert done.returncode == 2 and "holds no prepared home" in done.stderr
