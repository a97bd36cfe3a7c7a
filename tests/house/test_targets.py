"""The table of speed targets: what it measures, how it reads its scripts, and what it keeps."""

import importlib
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "speed"
SEEDS = """\
torch 2.13.0, cuda
  preset objective precision seeds   one ms k in turn k at once   gain to one  ran as
    tiny       mlm      bf16    10     0.61      6.02      1.30   4.63   2.13  graph
    tiny       mae      bf16    10     0.70      7.02      1.33   5.28   1.90  off: no graph
"""
TOKENISING = """\
1000 MB of text, 2 threads or processes
                               s    MB/s   CPU s  MB/CPU s  memory MB
mae-bench, whole           120.0    8.33   230.1      4.35     612     540    210,000,000 tokens
datasets, whole            150.0    6.67   290.0      3.45    3100    2900    210,000,000 tokens
    its map alone          140.0    7.14
"""
ESTIMATES = """\
| study | workers | promised, s | wall, s | ratio | CPU promised, s | CPU, s | ratio |
|---|--:|--:|--:|--:|--:|--:|--:|
| pretraining | 1 | 90 | 100 | 0.90 | 88 | 80 | 1.10 |
| short | 1 | 9 | 3 | 3.00 | 9 | 3 | 3.00 |
| finetunes | 2 | 70 | 50 | 1.40 | 80 | 100 | 0.80 |
"""


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


def test_printed_tables_are_read(speed):
    read, output = speed("readings"), speed("measuring").Output
    assert read.seeds_to_one(output(None, SEEDS)) == 2.13
    assert read.tokenising_speed(output(None, TOKENISING)) == 8.33 / 6.67
    assert read.tokenising_memory(output(None, TOKENISING)) == 0.612
    assert read.worst_estimate(output(None, ESTIMATES)) == pytest.approx(0.2)
    assert read.worst_wall_estimate(output(None, ESTIMATES)) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="no study took 60 s"):
        read.worst_estimate(output(None, "".join(ESTIMATES.splitlines(keepends=True)[:2])))


def test_the_best_of_each_side_counts(speed):
    read, output = speed("readings"), speed("measuring").Output
    speeds = {"Trainer mlm": 50.0, "tuned Trainer mlm": 80.0, "mae-bench a": 90.0}
    numbers = {"speeds": speeds | {"mae-bench b": 120.0}}
    assert read.pretraining_ratio(output(numbers, "")) == 1.5
    presets = {"a": {"over": 1.05, "is_counted": True}, "b": {"over": 1.5, "is_counted": False}}
    assert read.worst_over_flops(output({"presets": presets}, "")) == 1.05


def test_minutes_of_a_fight_that_did_not_end_or_was_begun_before_do_not_count(speed):
    read, output = speed("readings"), speed("measuring").Output
    numbers = {"minutes": 4.0, "before": {"done": 6}, "after": {"stages": 100, "done": 100}}
    assert read.minutes(output(numbers, "")) == 4.0
    with pytest.raises(ValueError, match="99 of 100 stages done"):
        read.minutes(output(numbers | {"after": {"stages": 100, "done": 99}}, ""))
    with pytest.raises(ValueError, match="50 stages were done before"):
        read.minutes(output(numbers | {"before": {"done": 50}}, ""))


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
            name, name, "", 2.0, True, "x", [script], lambda output: output.numbers["ratio"]
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
