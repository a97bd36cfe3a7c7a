"""Noises of text, of labels and from data, and sizes for each class: from a study to its report."""

import shutil

import pytest
from command_line import call
from local_data import write_split
from tiny_study import PROBE, log, rows, write_study

from mae_bench import load_study
from mae_bench.analysis.derived import derived_tables
from mae_bench.analysis.pairwise import decide_all
from mae_bench.analysis.rows import read_scores
from mae_bench.results import load_rows

NOISES = [
    "clean",
    {"ocr": [0.1, 0.3]},
    {"labels": {"rate": 0.3, "where": "train"}},
    {"misspellings": 0.3},
]


@pytest.fixture(scope="module")
def finished(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("noisy")
    columns = {"correct": ["ni", "tu", "gama"], "misspelling": ["nii", "ttu", "gmaa"]}
    write_split(folder / "data", "misspellings/en", "train", columns)
    study = write_study(
        folder,
        pretrain={"budget": {"steps": 10}, "batch_rows": 8},
        objectives=["mlm", "mae"],
        protocols=["linear_probe"],
        train_sizes=["4/class", 60, 200],
        noise=NOISES,
        finetune=None,
        linear_probe=PROBE,
    )
    home = shutil.copytree(prepared, folder / "home")
    where = ("--home", home, "--data-dir", folder / "data", "--workers", 1)
    code, _, err = call("run", study, *where)
    assert code == 0, err
    assert "error_table" in [line["kind"] for line in log(home)]
    return folder


def test_every_cell_has_a_value(finished):
    table = rows(finished / "home")
    assert len(table) == 5 * 3 * 5 and table["failure"].isna().all()
    assert set(table["train_size"]) == {"4/class", "60", "200"}
    is_per_class = table["train_size"] == "4/class"
    num_classes = table[is_per_class]["n_train"].unique()
    assert len(num_classes) == 1 and num_classes[0] % 4 == 0
    floor = table[(table["arm"] == "TF-IDF + LR") & (table["train_size"] == "200")]
    by_noise = floor.set_index(["noise", "noise_rate"])["value"]
    assert by_noise["clean", 0.0] > by_noise["ocr", 0.3]  # words that nobody learned
    assert set(table[table["noise"] == "labels"]["noise_where"]) == {"train"}


def test_what_noise_costs_and_where_curves_cross_is_worked_out(finished, tmp_path):
    study = load_study(finished / "tiny.yaml")
    rows = load_rows(finished / "home" / "studies" / "tiny")
    scores = read_scores(rows, study)
    curves, crossings, winners, *_ = derived_tables(
        rows, scores, "mlm", {}, decide_all(scores, "mlm"), tmp_path
    )
    assert set(winners.frame["by"]) == {"labels", "noise"}
    assert set(curves.frame["noise"]) == {"ocr (test)", "labels (train)", "misspellings (test)"}
    assert set(curves.frame["rates"]) == {"0 0.1 0.3", "0 0.3"}
    assert set(crossings.frame["answer"]) == {"not decidable (1 of 6 seeds)"}
    assert len(list(tmp_path.glob("*_numbers.csv"))) == 2
