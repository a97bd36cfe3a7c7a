"""The verb report in its other forms: texts, several studies, all of a home, Chinese."""

import json
import shutil

import pytest
from command_line import call
from tiny_study import STUDY


@pytest.mark.parametrize("form", ["md", "latex", "csv"])
def test_a_report_as_one_text(finished, tmp_path, form):
    study, home = finished
    code, out, err = call("report", study, "--home", home, "--format", form)
    assert code == 0, err
    starts = {"md": "# tiny\n", "latex": "\\documentclass{article}\n", "csv": "study,arm,task,"}
    assert out.startswith(starts[form])
    target = tmp_path / "new" / "report.txt"
    code, printed, err = call("report", study, "--home", home, "--format", form, "-o", target)
    assert code == 0, err
    assert printed == f"{target}\n" and target.read_text("utf-8") == out


def test_tables_alone_with_a_standard_deviation(finished):
    study, home = finished
    asked = ("--home", home, "--tables-only", "--spread", "sd")
    code, html, err = call("report", study, *asked)
    assert code == 0, err
    assert html.startswith("<table>") and "Mean ± standard deviation over seeds" in html
    _, latex, _ = call("report", study, *asked, "--format", "latex")
    assert latex.startswith("\\begin{table}") and "documentclass" not in latex


def test_all_of_a_home_has_a_front_page(finished, tmp_path):
    _, first = finished
    home = shutil.copytree(first, tmp_path / "home")
    broken = home / "studies" / "broken"
    broken.mkdir()
    (broken / "asked.json").write_text('{"name": "broken", "no_such_key": 1}')
    out = tmp_path / "front"
    code, printed, err = call("report", "--all", "--home", home, "-o", out, "--json")
    assert code == 0, err
    assert json.loads(printed)["page"] == str(out / "index.html")
    front = (out / "index.html").read_text("utf-8")
    assert (
        'href="tiny/index.html"' in front
        and "broken" in front
        and "no study of this version" in front
    )
    assert (out / "tiny" / "verdicts.json").is_file()


@pytest.mark.slow
def test_two_studies_have_a_front_page(finished, tmp_path):
    study, home = finished
    out = tmp_path / "front"
    other = tmp_path / "other.yaml"
    other.write_text(STUDY.replace("name: tiny", "name: other"))
    code, _, err = call("report", study, other, "--home", home, "-o", out)
    assert code == 0, err
    front = (out / "index.html").read_text("utf-8")
    assert 'href="tiny/index.html"' in front and 'href="other/index.html"' in front


@pytest.mark.slow
def test_a_report_in_chinese(finished, tmp_path):
    study, home = finished
    code, _, err = call("report", study, "--home", home, "-o", tmp_path / "r", "--lang", "zh")
    assert code == 0, err
    page = (tmp_path / "r" / "index.html").read_text("utf-8")
    assert "人造语言" in page and "个预训练种子" in page


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("tiny", "--format", "pdf"), "html, md, latex or csv, got 'pdf'"),
        (("tiny", "--lang", "fr"), "en or zh, got 'fr'"),
        (("tiny", "--spread", "sem"), "interval or sd, got 'sem'"),
        (("tiny", "--all"), "leave out names of studies"),
        ((), "report needs a study"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_read(new_home, flags, says):
    code, _, err = call("report", *flags, "--home", new_home)
    assert code == 2 and says in err
    assert not new_home.exists()


def test_two_studies_of_one_name_and_two_documents_are_refused(finished):
    study, home = finished
    code, _, err = call("report", study, study, "--home", home)
    assert code == 2 and "two of the studies are called 'tiny'" in err


def test_a_home_without_studies_is_refused(new_home):
    code, _, err = call("report", "--all", "--home", new_home)
    assert code == 2 and "holds no study" in err


def test_a_home_of_studies_that_cannot_be_read_says_why(tmp_path):
    broken = tmp_path / "home" / "studies" / "broken"
    broken.mkdir(parents=True)
    (broken / "asked.json").write_text('{"name": "broken", "no_such_key": 1}')
    for form in ((), ("--format", "md")):
        code, out, err = call("report", "--all", "--home", tmp_path / "home", *form)
        assert code == 2 and not out
        assert "can be reported; 'broken'" in err and "no study of this version" in err


def test_a_study_without_rows_leaves_the_others_their_reports(finished, tmp_path):
    _, first = finished
    home = shutil.copytree(first, tmp_path / "home")
    asked = json.loads((home / "studies" / "tiny" / "asked.json").read_text())
    begun = home / "studies" / "begun"
    begun.mkdir()
    (begun / "asked.json").write_text(json.dumps(asked | {"name": "begun", "seeds": [97, 98]}))
    code, _, err = call("report", "--all", "--home", home, "-o", tmp_path / "front")
    assert code == 0, err
    front = (tmp_path / "front" / "index.html").read_text("utf-8")
    assert 'href="tiny/index.html"' in front and "there are no rows to report" in front


def test_a_folder_below_a_file_is_refused(finished, tmp_path):
    study, home = finished
    (tmp_path / "file").write_text("mine")
    code, _, err = call("report", study, "--home", home, "-o", tmp_path / "file" / "r")
    assert code == 2 and "cannot write a report to" in err and "Traceback" not in err


@pytest.mark.parametrize("flags", [("--json",), ("--foreign", "theirs.csv")])
@pytest.mark.parametrize("form", [("--format", "md"), ("--tables-only",)])
def test_what_a_text_has_no_use_for_is_refused(new_home, flags, form):
    code, _, err = call("report", "tiny", "--home", new_home, *flags, *form)
    assert code == 2 and f"{flags[0]} is for a report as a page" in err
