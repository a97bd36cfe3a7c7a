"""Claims from a run to the gate: when they were written, what is printed, how it exits."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from command_line import ELSEWHERE, call
from tiny_study import write_study

SIDES = {"treatment": "distill", "control": "mlm"}
FLOPS = {**SIDES, "sentence": "It costs more.", "test": "ratio", "cost": "pretrain_flops"}
COSTS = {**FLOPS, "expected": 2.3, "tolerance": 0.2}  # arithmetic, so that one seed decides it
WINS = {**SIDES, "sentence": "It wins."}


@pytest.fixture(scope="module")
def run_home(prepared, tmp_path_factory):
    """Return (folder, home) after a run whose two claims were there before it."""
    folder = tmp_path_factory.mktemp("claims")
    home = shutil.copytree(prepared, folder / "home")
    code, _, err = call("run", write_study(folder, claims=[COSTS, WINS]), "--home", home)
    assert code == 0, err
    return folder, home


@pytest.fixture
def judged(run_home, tmp_path):
    """Judge claims at the home; return exit code, and verdicts by sentence."""
    home = run_home[1]

    def judge(*claims, home=home):
        path = write_study(tmp_path, claims=list(claims))
        code, out, err = call("claims", path, "--home", home, "--json")
        assert code in (0, 3, 4), err
        return code, {v["claim"]["sentence"]: v for v in json.loads(out)["claims"]}

    return judge


def test_the_exit_code_is_a_gate(judged):
    code, verdicts = judged(COSTS)
    assert (code, verdicts["It costs more."]["outcome"]) == (0, "supported")
    assert verdicts["It costs more."]["difference"] > 1
    wrong = {**COSTS, "expected": 9.0, "sentence": "Far more."}
    assert judged(COSTS, WINS)[0] == 4
    assert judged(COSTS, wrong)[0] == judged(wrong, WINS)[0] == 3


def test_a_claim_that_came_after_rows_is_post_hoc(judged):
    _, verdicts = judged(COSTS, WINS)
    assert {v["written"] for v in verdicts.values()} == {"before rows"}
    other = {**WINS, "margin": 0.05, "sentence": "It wins by five points."}
    mended = {**COSTS, "sentence": "It costs more, as we said."}
    _, verdicts = judged(mended, other)
    assert verdicts["It costs more, as we said."]["written"] == "before rows"
    assert verdicts["It wins by five points."]["written"] == "post hoc"
    assert verdicts["It wins by five points."]["word"] == "not decidable (post hoc)"


def test_post_hoc_stays_so_after_another_run_and_stands_in_the_report(run_home, tmp_path):
    home = shutil.copytree(run_home[1], tmp_path / "home")
    other = {**WINS, "margin": 0.05, "sentence": "It wins by five points."}
    path = write_study(tmp_path, claims=[COSTS, other])
    assert call("run", path, "--home", home)[0] == 0
    code, _, err = call("report", path, "--home", home, "-o", tmp_path / "report")
    assert code == 0, err
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "not decidable (post hoc)" in page and "Post hoc: 1 of 2 claims was added" in page
    table = (tmp_path / "report" / "tables" / "claims.csv").read_text(encoding="utf-8")
    assert "not decidable (post hoc)" in table and "supported (post hoc)" not in table
    kept = json.loads((tmp_path / "report" / "verdicts.json").read_text())["claims"]
    assert [verdict["written"] for verdict in kept] == ["before rows", "post hoc"]
    code, out, err = call("claims", path, "--home", home)
    assert code == 4 and "Post hoc: 1 of 2 claims was added or changed" in err
    first, second = out.splitlines()[1:]
    assert first.startswith("supported\tratio ") and "\t1 of 1\tIt costs more.\t" in first
    assert second.startswith("not decidable (post hoc)\tdifference ")


def test_rows_of_one_side_alone_do_not_make_a_claim_late(run_home, judged, tmp_path):
    """A study that shares its home with others finds the rows of its control there."""
    home = shutil.copytree(run_home[1], tmp_path / "home")
    against = {"treatment": "mae", "control": "mlm", "sentence": "Nobody saw a mae."}
    arms = ["mlm", {"distill": {"teacher": "mlm"}}, "mae"]
    path = write_study(tmp_path, name="another", objectives=arms, claims=[against, WINS])
    assert call("prepare", path, "--home", home)[0] == 0
    record = json.loads((home / "studies" / "another" / "claims.json").read_text())
    assert [item["had_rows"] for item in record] == [False, True]


def test_rows_that_cannot_be_read_may_be_those_of_any_arm(run_home, tmp_path):
    home = shutil.copytree(run_home[1], tmp_path / "home")
    (home / "studies" / "tiny" / "results.parquet").write_bytes(b"PAR1 but no more")
    other = {**WINS, "margin": 0.05, "sentence": "It wins by five points."}
    arms = ["mlm", {"distill": {"teacher": "mlm"}}, "mae"]
    unseen = {"treatment": "mae", "control": "mlm", "sentence": "It may have been seen."}
    path = write_study(tmp_path, objectives=arms, claims=[other, unseen])
    code, _, err = call("prepare", path, "--home", home)
    assert code == 0, err
    record = json.loads((home / "studies" / "tiny" / "claims.json").read_text())
    assert [item["had_rows"] for item in record[-2:]] == [True, True]


def test_a_home_of_before_the_record_cannot_say(run_home, judged, tmp_path):
    home = shutil.copytree(run_home[1], tmp_path / "home")
    record = home / "studies" / "tiny" / "claims.json"
    assert [item["had_rows"] for item in json.loads(record.read_text())] == [False, False]
    record.unlink()
    assert {v["written"] for v in judged(COSTS, WINS, home=home)[1].values()} == {"unknown"}
    other = {**WINS, "margin": 0.05, "sentence": "It wins by five points."}
    assert call("run", write_study(tmp_path, claims=[COSTS, other]), "--home", home)[0] == 0
    _, verdicts = judged(COSTS, other, home=home)
    assert verdicts["It costs more."]["written"] == "unknown"
    assert verdicts["It wins by five points."]["written"] == "post hoc"


def test_a_finished_study_is_judged_without_torch(run_home):
    folder, home = run_home
    study = folder / "tiny.yaml"
    code = (
        "import sys\nfrom mae_bench.cli import main\ntry:\n"
        f"    main(['claims', {str(study)!r}, '--home', {str(home)!r}])\n"
        "except SystemExit as ended:\n    print('exit', ended.code)\n"
        "print('torch' in sys.modules, 'transformers' in sys.modules, 'matplotlib' in sys.modules)"
    )
    env = {**os.environ, **ELSEWHERE}
    # -P: the package that ran the study, and not the one that may lie in the working folder
    python = [sys.executable, "-P", "-c", code]
    done = subprocess.run(python, capture_output=True, text=True, env=env)
    assert done.stdout.splitlines()[-2:] == ["exit 4", "False False False"], done.stderr


def test_wrong_uses_are_answered(run_home, tmp_path):
    home = run_home[1]
    code, _, err = call("claims", write_study(tmp_path), "--home", home)
    assert code == 2 and "study 'tiny' has no claims to judge" in err
    path = write_study(tmp_path, claims=[WINS])
    code, _, err = call("claims", path, "--home", tmp_path / "empty")
    assert code == 2 and "there are no rows to report; run the study first" in err
