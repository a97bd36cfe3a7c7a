"""Tables: golden text on rows written by hand."""

import pandas as pd
import pytest
from report_rows import floor_rows, row, small_study, table

from mae_bench.analysis.claims import judge_comparisons
from mae_bench.analysis.costs import cost_table
from mae_bench.analysis.rows import read_scores
from mae_bench.analysis.score_tables import score_table, scores_long
from mae_bench.analysis.tables import (
    Table,
    difference,
    failure_table,
    p_text,
    si,
    tuning_table,
    verdict_table,
)
from mae_bench.measures import PLAIN
from mae_bench.results import frame

TASKS = ("sst2", "trec")
COST = {
    "pretrain_tokens": 4_000_000,
    "pretrain_steps": 1953,
    "pretrain_flops": 2e12,
    "pretrain_s": 100.0,
    "encoder_flops": 1.5e12,
    "decoder_flops": 0.0,
    "head_flops": 0.5e12,
    "teacher_flops": 0.0,
    "teacher_pretrain_flops": 0.0,
    "params_encoder": 660_000,
    "params_objective": 260_000,
    "evaluate_s": 1.0,
}


@pytest.fixture
def study():
    return small_study(arms=("random_init", "mlm", "mae", "simcse"), tasks=TASKS)


@pytest.fixture
def rows():
    even = [0.5, 0.6, 0.5, 0.6, 0.5, 0.6]
    fallen = [row("mae", 0.2, 5, "sst2", is_collapsed=True, collapse="one class")]
    return pd.concat(
        [
            frame(floor_rows([0.5] * 6)),
            frame(floor_rows([0.25] * 6, "trec")),
            table({"random_init": even, "mlm": even, "mae": even[:5]}),
            frame(fallen),
            table({"simcse": [None] * 6}),
            table({"mlm": even, "mae": [0.7, 0.7, None, 0.7, 0.7, 0.7]}, "trec"),
        ],
        ignore_index=True,
    )


def test_score_table_as_markdown(study, rows):
    scores = read_scores(rows, study)
    text = score_table(scores, scores.reference).frame.to_markdown(index=False)
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert lines[0] == ["arm", "sst2 (accuracy)", "trec (accuracy)", "mean of tasks", "IQM"]
    assert lines[2:] == [
        ["majority class", "50.0 ± 0.0", "25.0 ± 0.0", "37.5 ± 0.0", "37.5 ± 0.0"],
        ["random_init", "55.0 ± 5.7", "not run", "incomplete", "incomplete"],
        ["mlm", "55.0 ± 5.7", "55.0 ± 5.7", "55.0 ± 5.7", "55.0 ± 9.6"],
        [
            "mae",
            "48.3 ± 15.4 †1",
            "70.0 ± 0.0 (n=5, failed 1 of 6)",
            "59.0 ± 10.2 (n=5)",
            "63.3 ± 6.8 (n=5)",
        ],
        ["simcse", "failed (6 of 6)", "not run", "incomplete", "incomplete"],
    ]


def test_no_cell_is_blank_and_no_failure_is_a_number(study, rows):
    scores = read_scores(rows, study)
    shown = score_table(scores, scores.reference).frame
    assert (shown.map(lambda cell: bool(str(cell).strip()))).all(axis=None)
    assert "nan" not in shown.to_string().lower()
    assert list(shown.set_index("arm").loc["simcse"]) == [
        "failed (6 of 6)",
        "not run",
        "incomplete",
        "incomplete",
    ]


def test_tables_are_saved_in_three_forms(study, rows, tmp_path):
    scores = read_scores(rows, study)
    saved = score_table(scores, scores.reference)
    saved.save(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"scores-finetune-all-clean.{kind}" for kind in ("csv", "md", "tex")]
    again = pd.read_csv(tmp_path / names[0])
    assert list(again["arm"]) == list(saved.frame["arm"])
    latex = (tmp_path / names[2]).read_text()
    assert r"random\_init" in latex and r"$\pm$" in latex and r"\dag{}1" in latex
    assert latex.isascii()


def test_cost_table_counts_each_pretraining_once_and_the_teacher(study):
    records = [
        row("mlm", 0.5, seed, task, pretrain_id=f"m{seed}", **COST)
        for seed in (0, 1)
        for task in TASKS
    ]
    taught = {**COST, "pretrain_flops": 5e12, "teacher_pretrain_flops": 2e12, "teacher_flops": 1e12}
    records += [row("mae", 0.5, 0, task, pretrain_id="d0", **taught) for task in TASKS]
    records += floor_rows([0.5])
    rows = frame(records)
    shown = cost_table(rows, read_scores(rows, study), "mlm").frame.set_index("arm")
    assert shown.loc["mlm", "FLOPs"] == "2 T"
    assert shown.loc["mlm", "seconds"] == "100"
    assert shown.loc["mlm", "relative FLOPs"] == "1.00"
    assert shown.loc["mlm", "FLOPs by part"] == "encoder 75%, head 25%"
    assert shown.loc["mae", "relative FLOPs"] == "2.50"
    assert shown.loc["mae", "teacher's FLOPs"] == "2 T"
    assert shown.loc["majority class", "FLOPs"] == "none"


def test_verdict_table_says_everything(study):
    base = [0.50, 0.52, 0.51, 0.53, 0.50, 0.52]
    gains = [0.03, 0.031, 0.029, 0.03, 0.03, 0.03]
    treated = [b + g for b, g in zip(base, gains, strict=True)]
    study = small_study()
    verdicts = judge_comparisons(
        study, read_scores(table({"mlm": base, "mae": treated}), study), "mlm"
    )
    line = verdict_table(verdicts, "verdicts", "caption").frame.iloc[0]
    assert line["verdict"] == "supported"
    assert line["difference"] == "+3.0"
    assert line["95% interval"].startswith("[+")
    assert line["seeds"] == "6 of 6"
    assert line["median"] == line["IQM"] == "+3.0"
    assert line["P(better)"] == ">.99"
    assert 3.0 < float(line["equal within"]) <= 3.2
    assert line["p family-wise"] == line["FDR"] == "<.001"
    assert line["smallest detectable"] == "0.1"


def test_failures_are_listed_with_seeds_and_reason(rows):
    failures = failure_table(rows)
    assert failures is not None
    assert failures.caption == "7 failed and 1 collapsed rows."
    line = failures.frame[(failures.frame["arm"] == "simcse")].iloc[0]
    assert (line["seeds"], line["reason"]) == ("0, 1, 2, 3, 4, 5", "DivergedError: loss is nan")
    assert failure_table(table({"mlm": [0.5]})) is None


def test_a_plateau_whose_encoder_learned_is_listed_and_is_no_failure():
    kept = table({"mae": [0.7]}, plateau="plateau: validation loss 3.0")
    rows = pd.concat([table({"mlm": [0.5, 0.6]}, plateau=""), kept], ignore_index=True)
    failures = failure_table(rows)
    assert failures is not None
    assert failures.caption.startswith(
        "0 failed and 0 collapsed rows. 1 kept: the pretraining loss"
    )
    assert failures.frame[["arm", "what", "reason"]].values.tolist() == [
        ["mae", "kept", "plateau: validation loss 3.0"]
    ]


def test_iqm_is_explained_where_it_has_a_column(rows, study):
    scores = read_scores(rows, study)
    table_of_two = score_table(scores, scores.reference)
    assert "IQM" in table_of_two.frame
    assert any(note.startswith("IQM: interquartile mean") for note in table_of_two.notes)
    single = small_study(arms=("random_init", "mlm", "mae", "simcse"))
    alone = read_scores(rows[rows["task"] == "sst2"], single)
    table_of_one = score_table(alone, alone.reference)
    assert "IQM" not in table_of_one.frame and "IQM" not in " ".join(table_of_one.notes)


@pytest.mark.parametrize(
    ("columns", "is_wide"),
    [
        ({"arm": ["mlm"], "score": ["61.2 ± 0.4"]}, False),
        ({"arm": ["mlm"], "what was chosen and why": ["a word " * 40]}, False),  # it is broken
        ({f"column {number}": ["61.2 ± 0.4"] for number in range(5)}, True),
        ({"arm": ["mlm"], "an_unbreakable_heading_of_many_signs_and_more": ["1"]}, True),
    ],
)
def test_a_table_is_wide_where_a_phone_cannot_show_it(columns, is_wide):
    assert Table("slug", "caption", pd.DataFrame(columns)).is_wide == is_wide


def test_tuning_table_is_text():
    trials = [{"arm": "mlm", "trials": 8, "value": 0.51234, "chosen": None}]
    tuning = tuning_table(trials, "At an edge.")
    assert tuning.caption.endswith("test unread. At an edge.")
    assert list(tuning.frame.iloc[0]) == ["mlm", "8", "0.5123", "none"]


def test_number_formats():
    assert [si(x) for x in (4_190_000, 1.2e15, 950, 999_999)] == ["4.19 M", "1.2 P", "950", "1 M"]
    assert difference(-0.0123, PLAIN) == "\N{MINUS SIGN}1.2"
    assert [p_text(p) for p in (0.0312, 0.0001, float("nan"))] == [".031", "<.001", "none"]


def test_the_long_table_names_a_noise_as_its_label():
    noise = {"noise": "typos 0.1 (test)", "noise_rate": 0.1, "noise_where": "test"}
    rows = pd.concat([table({"mlm": [0.5]}), table({"mlm": [0.4]}, **noise)], ignore_index=True)
    long = scores_long(read_scores(rows, small_study(arms=("mlm",))))
    assert list(long["noise"]) == ["clean", "typos 0.1 (test)"]
    assert list(long.columns[:6]) == [
        "arm", "task", "protocol", "train_size", "noise", "corpus_tokens",
    ]  # fmt: skip
