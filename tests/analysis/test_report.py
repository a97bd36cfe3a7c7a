"""The report as a folder: complete, self-contained, careful with what lies there already."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from report_rows import floor_rows, row, small_study, table

from mae_bench.analysis import images, page_data
from mae_bench.analysis.curves import load_curves
from mae_bench.analysis.folder import save_records
from mae_bench.analysis.pictures import pictures_of
from mae_bench.analysis.report import ReportContext, summary, write_report
from mae_bench.errors import DataError, StoreError
from mae_bench.results import frame, load_rows
from mae_bench.runner.session import Counts
from mae_bench.specs import ArmSpec, Claim

BASE = np.array([0.5, 0.55, 0.52, 0.51, 0.54, 0.53])
GAIN = np.array([0.05, 0.051, 0.049, 0.05, 0.052, 0.048])
CONTEXT = ReportContext(provenance={"command": "mae-bench run small.yaml"}, notes=("A note.",))


@pytest.fixture
def study():
    claim = Claim(sentence="mae <beats> mlm", treatment="mae", control="mlm")
    return small_study(arms=("random_init", "mlm", "mae"), claims=(claim,))


@pytest.fixture
def rows():
    values = {"random_init": BASE - 0.2, "mlm": BASE, "mae": BASE + GAIN}
    return pd.concat([table(values, pretrain_flops=1e12), frame(floor_rows([0.5] * 6))])


def test_a_report_is_complete_and_loads_nothing(rows, study, tmp_path):
    page = write_report(rows, study, tmp_path / "report", context=CONTEXT)
    folder = page.parent
    html = page.read_text()
    assert "The claim is supported." in html
    assert "mae &lt;beats&gt; mlm" in html
    assert "A note." in html and "mae-bench run small.yaml" in html
    assert 'name="viewport"' in html
    loads = re.findall(r"""(?:src|srcset|href)=["']([^"']{0,12})|url\(([^)]{0,8})|@import""", html)
    assert all(groups[0].startswith(("data:image", "#")) for groups in loads)
    assert html.count("<script") == 2  # its data, and its own script
    assert list(load_rows(folder)["value"]) == list(rows["value"])
    verdicts = json.loads((folder / "verdicts.json").read_text())
    assert verdicts["claims"][0]["outcome"] == "supported"
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["study"]["name"] == "small"
    for name in provenance["files"]:
        assert (folder / name).is_file()
    assert len(list((folder / "figures").glob("*.png"))) >= 2
    assert {path.suffix for path in (folder / "tables").iterdir()} == {".csv", ".md", ".tex"}


def test_no_nan_reaches_the_page(rows, study, tmp_path):
    broken = rows.copy()
    broken.loc[broken["arm"] == "mae", ["value", "failure"]] = [None, "out of memory"]
    page = write_report(broken, study, tmp_path / "report", context=CONTEXT)
    text = re.sub(r"base64,[^\"]*", "", page.read_text())
    assert not re.search(r"\bnan\b", text, re.IGNORECASE)
    assert "failed (6 of 6)" in text and "out of memory" in text


def test_writing_again_keeps_what_others_put_there(rows, study, tmp_path):
    folder = tmp_path / "report"
    write_report(rows, study, folder, context=CONTEXT)
    (folder / "thoughts.txt").write_text("mine")
    stale = folder / "tables" / "claims.md"
    assert stale.exists()
    write_report(rows, study.model_copy(update={"claims": ()}), folder, context=CONTEXT)
    assert (folder / "thoughts.txt").read_text() == "mine"
    assert not stale.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_list_of_old_files_cannot_reach_outside(rows, study, tmp_path):
    folder = tmp_path / "report"
    write_report(rows, study, folder, context=CONTEXT)
    (tmp_path / "precious").write_text("keep")
    marker = folder / "provenance.json"
    content = json.loads(marker.read_text())
    marker.write_text(json.dumps({**content, "files": ["../precious"]}))
    write_report(rows, study, folder, context=CONTEXT)
    assert (tmp_path / "precious").exists()


def test_a_folder_of_something_else_is_refused(rows, study, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(StoreError, match="something other than a report"):
        write_report(rows, study, tmp_path, context=CONTEXT)
    with pytest.raises(StoreError, match="it is a file"):
        write_report(rows, study, tmp_path / "thesis.tex", context=CONTEXT)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_no_rows_is_an_error_that_leaves_nothing(study, tmp_path):
    with pytest.raises(DataError, match="no rows"):
        write_report(frame([]), study, tmp_path / "report", context=CONTEXT)
    assert list(tmp_path.iterdir()) == []


def test_generated_language_and_few_seeds_are_stated(tmp_path):
    study = small_study(tasks=("world/topic",), seeds=(0, 1), repeats="finetuning")
    rows = table({"mlm": [0.5, 0.6], "mae": [0.6, 0.7]}, task="world/topic")
    text = write_report(rows, study, tmp_path / "r", context=CONTEXT).read_text()
    assert "Generated language" in text
    assert "2 seeds are too few" in text
    assert "nothing about how much another pretraining" in " ".join(text.split())


def test_facts_that_count_one_are_in_the_singular(tmp_path):
    study = small_study(seeds=(0,), train_sizes=(20,))
    rows = table({"mlm": [0.5], "mae": [0.6]}, train_size="20")
    text = write_report(rows, study, tmp_path / "r", context=CONTEXT).read_text()
    facts = re.findall(r"<li><b>(\d+)</b> ([^<]*)</li>", text)
    assert facts == [
        ("1", "pretraining seed"),
        ("2", "arms"),
        ("1", "task"),
        ("1", "setting"),
    ]


class Tables(HTMLParser):
    """Collects the scrolled tables of a page: label, classes and the cells of each line."""

    def __init__(self):
        super().__init__()
        self.tables = []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if given.get("role") == "region":
            self.tables.append((given["aria-label"], given["class"].split(), []))
        elif self.tables and tag == "tr":
            self.tables[-1][2].append([])
        elif self.tables and tag in ("td", "th") and self.tables[-1][2]:
            self.tables[-1][2][-1].append(int(given.get("colspan", 1)))


def test_a_sentence_stands_above_its_numbers_and_lines_are_whole(rows, study, tmp_path):
    reader = Tables()
    reader.feed(write_report(rows, study, tmp_path / "r", context=CONTEXT).read_text())
    tables = {label: (classes, lines) for label, classes, lines in reader.tables}
    classes, lines = tables["Claims written down in the study."]
    assert "wide" in classes  # a phone shows that there is more
    frame_of_claims = pd.read_csv(tmp_path / "r" / "tables" / "claims.csv")
    numbers = len(frame_of_claims.columns) - 1
    assert lines == [[1] * numbers, *([[numbers], [1] * numbers] * len(frame_of_claims))]
    for _, lines in tables.values():
        assert len({sum(line) for line in lines}) == 1
    for label, (classes, lines) in tables.items():
        if label.startswith("Scores"):
            assert ("wide" in classes) == (len(lines[0]) > 4)


def test_one_arm_alone_can_be_reported(tmp_path):
    page = write_report(table({"mlm": [0.5]}), small_study(arms=("mlm",)), tmp_path / "r")
    assert "no comparison to judge" in page.read_text()


def test_many_large_settings_leave_room_for_figures_and_data(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "mae_bench.analysis.report.pictures_of", lambda *of: {name: [] for name in pictures_of(*of)}
    )
    arms, tasks = ([f"{kind} {n}" for n in range(num)] for kind, num in (("arm", 64), ("task", 8)))
    sizes, seeds = tuple(range(100, 900, 100)), tuple(range(6))
    noise = np.random.default_rng(0)
    rows = [
        row(arm, 0.6 + noise.normal(0, 0.02), seed, task, train_size=str(size), n_train=size)
        for arm in arms
        for task in tasks
        for size in sizes
        for seed in seeds
    ]
    objectives = tuple(ArmSpec(objective="mlm", label=arm) for arm in arms)
    study = small_study(
        tasks=tasks, objectives=objectives, train_sizes=sizes, seeds=seeds, control=arms[0]
    )
    page = write_report(frame(rows), study, tmp_path / "report").read_text("utf-8")
    data = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1]
    size = len(page.encode()) - len(data.encode())
    assert "more settings are in tables/scores.csv" in page
    assert size + images.MAX_BYTES + page_data.MAX_BYTES < 5_000_000


def test_summary_has_a_word_for_every_cell(rows, study):
    answer = summary(rows, study)
    words = {arm: answer.cells[arm, "sst2"].word for arm in answer.arms}
    assert words == {
        "majority class": "floor",
        "random_init": "floor",
        "mlm": "control",
        "mae": "wins",
    }
    assert answer.headline == (
        "Against mlm (finetune, all labels, clean): mae wins on sst2. The claim is supported."
    )
    assert answer.cells["mae", "sst2"].text.startswith("57.5 ±")


def test_curves_are_read_from_the_store(tmp_path):
    folder = tmp_path / "artefacts" / "pretrain" / "abc"
    folder.mkdir(parents=True)
    axes = ("step", "tokens", "seconds", "flops", "loss")
    (folder / "curve.json").write_text(json.dumps({name: [1, 2] for name in axes}))
    (folder / "cost.json").write_text(json.dumps({"unigram_entropy": 4.5}))
    rows = table({"mlm": [0.5]}, pretrain_id="abc", corpus_tokens=100)
    missing = table({"mae": [0.5]}, pretrain_id="gone")
    (curve,) = load_curves(pd.concat([rows, missing]), tmp_path)
    assert (curve.arm, curve.seed, curve.corpus_tokens) == ("mlm", 0, 100)
    assert (curve.unigram_entropy, curve.loss) == (4.5, (1, 2))


def test_analysis_never_imports_torch():
    code = (
        "import sys, mae_bench.analysis.report, mae_bench.analysis.provenance as p;"
        "p.collect_provenance('x');"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_study_of_which_only_floors_have_run_is_reported(tmp_path):
    rows = frame(floor_rows([0.5] * 6))
    page = write_report(rows, small_study(), tmp_path / "report").read_text()
    assert "majority class" in page


def test_missing_cells_are_counted():
    counts = {"stages": 9, "done": 5, "failed": 1, "cells": 6, "cells_done": 3, "cells_failed": 1}
    assert "2 of 6 cells are still to be run" in Counts(**counts).left
    assert Counts(**counts | {"cells_done": 5}).left == ""


def test_records_are_a_line_each_and_read_back(tmp_path):
    content = {
        "headline": 'a "quoted"\nline',
        "none": [],
        "claims": [{"p": None, "é": [1, 2.5]}, {"p": 0.1}],
    }
    save_records(tmp_path / "verdicts.json", content)
    text = (tmp_path / "verdicts.json").read_text("utf-8")
    assert json.loads(text) == content
    assert text.count("\n") == 8
    with pytest.raises(ValueError, match="JSON compliant"):
        save_records(tmp_path / "nan.json", {"claims": [{"p": float("nan")}]})
    assert not (tmp_path / "nan.json").exists()
