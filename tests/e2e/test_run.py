"""A study from YAML to rows: complete, done once, its failures told and kept apart."""

import json
import shutil

import pytest
from command_line import call
from tiny_study import CLOCKS, NUM_STAGES, log, rows, times

from mae_bench import errors, load_study, plan, report, run_study
from mae_bench.results import COLUMNS, load_rows


def test_a_run_gives_every_row(finished):
    _, home = finished
    table = rows(home)
    arms = ["random_init", "mlm", "distill", "majority class", "TF-IDF + LR"]
    assert list(dict.fromkeys(table["arm"])) == arms
    assert len(table) == 5 * 2 * 2
    assert table["value"].between(0, 1).all()
    assert table["failure"].isna().all()
    assert set(load_rows(home / "studies" / "tiny").columns) == set(COLUMNS)
    trained = table[table["arm"] == "distill"]
    assert (trained["pretrain_steps"] == 40).all()
    assert (trained["teacher_flops"] > 0).all()
    assert (table[table["arm"] == "random_init"]["pretrain_flops"] == 0).all()
    assert table[table["is_floor"]]["pretrain_flops"].isna().all()
    assert len(log(home)) == NUM_STAGES


def test_a_second_run_does_nothing_and_says_so(finished):
    study, home = finished
    before = times(home)
    code, _, err = call("run", study, "--home", home)
    assert code == 0
    assert f"nothing to do: all {NUM_STAGES} stages of 'tiny' are done" in err
    assert times(home) == before
    assert len(log(home)) == NUM_STAGES
    code, _, err = call("run", study, "--home", home, "--workers", 0)
    assert code == 2 and "--workers must be at least 1, got 0" in err


def test_preparing_does_what_needs_the_network_and_no_more(study, new_home):
    code, _, err = call("prepare", study, "--home", new_home, "--workers", 1)
    assert code == 0, err
    assert "all 3 stages of 'tiny' are done" in err
    assert [line["kind"] for line in log(new_home)] == ["tokenizer", "blocks", "task"]


def test_python_reads_what_the_command_line_made(finished):
    study, home = finished
    table = run_study(study, home=home)
    assert table.drop(columns=CLOCKS).equals(rows(home))
    assert len(log(home)) == NUM_STAGES


def test_status_plan_and_report_read_what_is_there(finished, tmp_path):
    study, home = finished
    code, out, _ = call("status", study, "--home", home, "--json")
    printed = json.loads(out)
    assert code == 0
    assert printed["is_finished"] and printed["cells_done"] == printed["cells"] == 20
    assert printed["failures"] == printed["running"] == printed["changed_fields"] == []

    code, out, _ = call("plan", study, "--home", home, "--json")
    printed = json.loads(out)
    assert printed["stages"]["evaluate"] == {"all": 10, "done": 10, "failed": 0}
    assert printed["is_measured"] and printed["seconds"] == 0

    code, out, err = call("report", study, "--home", home, "-o", tmp_path / "report", "--json")
    assert code == 0, err
    assert json.loads(out)["page"] == str(tmp_path / "report" / "index.html")
    assert (tmp_path / "report" / "index.html").exists()


def test_python_plans_and_reports_as_the_command_line_does(finished, tmp_path):
    study, home = finished
    _, out, _ = call("plan", study, "--home", home, "--json", "--device", "cpu", "--workers", 1)
    planned = plan(study, home=home, device="cpu", workers=1)
    assert json.loads(json.dumps(planned.as_dict())) == json.loads(out)
    assert plan(load_study(study), home=home, device="cpu", workers=1).counts == planned.counts
    assert planned.counts.is_finished and planned.counts.cells == 20
    page = report(study, home=home, out=tmp_path / "report")
    call("report", study, "--home", home, "-o", tmp_path / "other")
    assert page == tmp_path / "report" / "index.html"
    verdicts = [(tmp_path / name / "verdicts.json").read_text() for name in ("report", "other")]
    assert verdicts[0] == verdicts[1]
    with pytest.raises(errors.DataError, match="differs from them in seeds"):
        report(load_study(study, ["seeds=[7]"]), home=home, out=tmp_path / "none")
    with pytest.raises(errors.UnknownNameError, match="no-such"):
        plan("no-such", home=home)
    assert not (tmp_path / "none").exists()


def test_a_report_of_rows_that_are_another_studys_is_refused(finished, tmp_path):
    study, home = finished
    other = ["--set", "seeds=[7]"]
    code, _, err = call("report", study, "--home", home, "-o", tmp_path / "report", *other)
    assert code == 2
    assert "nothing of 'tiny' is done in this form" in err and "differs from them in seeds" in err
    assert not (tmp_path / "report").exists()


def test_more_arms_use_what_is_there_and_the_change_is_reported(finished, tmp_path):
    study, first = finished
    home = tmp_path / "home"
    shutil.copytree(first, home)
    before = times(home)
    more = "objectives=[mlm, {distill: {teacher: mlm}}, mae]"
    code, _, err = call("run", study, "--home", home, "--workers", 1, "--set", more)
    assert code == 0, err
    assert "study 'tiny' differs from its last run at this home in objectives" in err
    assert before.items() <= times(home).items()
    assert len(log(home)) == NUM_STAGES + 4
    old, new = rows(first), rows(home)
    kept = new[new["arm"] != "mae"].reset_index(drop=True)
    assert kept.equals(old)

    code, _, err = call("run", study, "--home", home, "--set", "seeds=1")
    assert code == 0
    assert "differs from its last run at this home in objectives, seeds" in err
    assert set(rows(home)["seed"]) == {0}  # never mixed with rows of the other study
    assert "mae" not in set(rows(home)["arm"])


def test_a_failing_cell_stops_no_other_and_is_kept_until_retried(study, home):
    sizes = ["--set", "train_sizes=[20, 1_000_000]", "--set", "objectives=[random_init]"]
    arguments = ["run", study, "--home", home, "--workers", 1, "--set", "seeds=1", *sizes]
    code, _, err = call(*arguments)
    assert code == 1
    assert "3 of 10 stages failed" in err and "--retry failed" in err
    _, out, _ = call("plan", study, "--home", home, *arguments[6:])
    assert "fewer than train_sizes 1,000,000: these cells will fail" in out
    _, out, _ = call("status", study, "--home", home, *arguments[6:])
    assert out.count("failed: ") == 1 and "and 2 more: train size 1000000" in out
    table = rows(home)
    failed = table[table["train_size"] == "1000000"]
    assert failed["value"].isna().all()
    assert failed["failure"].str.contains("train size 1000000 is more than task").all()
    assert len(failed) == 6  # three arms under two noises
    assert table[table["train_size"] == "20"]["value"].notna().all()
    record = json.loads(next((home / "failures").glob("*.json")).read_text())
    with open(record["traceback"]) as file:  # noqa: PTH123
        assert "Traceback" in file.read()

    count = len(log(home))
    assert call(*arguments)[0] == 1
    assert len(log(home)) == count  # known failures are not tried again
    assert call(*arguments, "--retry", "failed")[0] == 1
    assert [line["what"] for line in log(home)[count:]] == ["failed"] * 3


def test_a_diverged_pretraining_becomes_rows_of_all_that_need_it(study, home):
    changes = ["--set", "pretrain.peak_lr=1e30", "--set", "seeds=1", "--set", "noise=clean"]
    code, _, err = call("run", study, "--home", home, "--workers", 1, *changes)
    assert code == 1, err
    table = rows(home).set_index("arm")
    for arm in ("mlm", "distill"):
        assert table.loc[arm, "failure"].startswith("pretraining failed: ")
        assert table["value"].isna()[arm]
    assert table["value"].notna()[["random_init", "majority class", "TF-IDF + LR"]].all()


@pytest.mark.parametrize("name", ["metrics.json", "predictions.parquet"])
def test_a_truncated_result_is_made_again(finished, tmp_path, name):
    study, first = finished
    home = tmp_path / "home"
    shutil.copytree(first, home)
    broken = next((home / "artefacts" / "evaluate").glob(f"*/{name}"))
    broken.write_bytes(broken.read_bytes()[:10])
    code, _, err = call("run", study, "--home", home, "--workers", 1)
    assert code == 0, err
    assert "was damaged" in err
    assert len(log(home)) == NUM_STAGES + 1
    assert rows(home).equals(rows(first))


def test_damaged_rows_of_a_finished_study_are_written_again(finished, tmp_path):
    study, first = finished
    home = tmp_path / "home"
    shutil.copytree(first, home)
    (path,) = (home / "studies").glob("*/results.parquet")
    path.write_bytes(path.read_bytes()[:-200] + bytes(200))
    code, _, err = call("run", study, "--home", home, "--workers", 1)
    assert code == 0, err
    assert f"{path} was damaged; it is written again" in err
    assert len(log(home)) == NUM_STAGES  # no stage is done again
    assert rows(home).equals(rows(first))
    _, _, err = call("run", study, "--home", home)
    assert "nothing to do" in err and "was damaged" not in err


def test_a_damaged_task_stops_neither_the_plan_nor_the_run_that_mends_it(finished, tmp_path):
    study, first = finished
    home = tmp_path / "home"
    shutil.copytree(first, home)
    path = next((home / "artefacts" / "task").glob("*/meta.json"))
    path.write_text(path.read_text().replace('"rows"', '"rowz"'))  # the size stays
    shutil.rmtree(next((home / "artefacts" / "evaluate").iterdir()))
    assert call("plan", study, "--home", home)[0] == 0
    code, _, err = call("run", study, "--home", home, "--workers", 1)
    assert code == 0, err
    assert "meta.json differs from its checksum" in err
    assert rows(home).equals(rows(first))


def test_a_damaged_input_is_found_by_its_checksum_when_it_is_read(finished, tmp_path):
    study, first = finished
    home = tmp_path / "home"
    shutil.copytree(first, home)
    path = next((home / "artefacts" / "blocks").glob("*/rows.npy"))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1  # the size stays
    path.write_bytes(content)
    shutil.rmtree(next((home / "artefacts" / "pretrain").iterdir()))
    code, _, err = call("run", study, "--home", home, "--workers", 1)
    assert code == 0, err
    assert "rows.npy differs from its checksum" in err
    assert [line["kind"] for line in log(home)[NUM_STAGES:]] == ["blocks", "pretrain"]
    assert rows(home).equals(rows(first))
