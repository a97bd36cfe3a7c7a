"""A grid in the report: everything is compared within a point, and what left out is no gap."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from report_rows import row

from mae_bench.analysis.claims import judge_claims, judge_comparisons
from mae_bench.analysis.costs import cost_table
from mae_bench.analysis.curves import Curve
from mae_bench.analysis.effect_tables import analysed, levels_table, shares_table
from mae_bench.analysis.grid_crossings import grid_crossing_table, grid_crossings
from mae_bench.analysis.grid_families import families, measured
from mae_bench.analysis.health_plots import health_picture
from mae_bench.analysis.pairwise import decide_all
from mae_bench.analysis.pretraining_plots import loss_picture
from mae_bench.analysis.report import ReportContext, write_report
from mae_bench.analysis.rows import read_scores
from mae_bench.analysis.winners import winner_columns, winner_tables
from mae_bench.planning.study import study_of
from mae_bench.results import frame
from mae_bench.specs import point_label

LAYERS, RATES = (1, 2, 4), (0.001, 0.002)
MAES = ("mae mask_ratio=0.3", "mae mask_ratio=0.5")
OPTIONS = {"mlm": {"mask_ratio": 0.15}} | {
    label: {"mask_ratio": float(label[-3:])} for label in MAES
}
RAW = {
    "name": "small",
    "objectives": ["mlm", {"mae": {"mask_ratio": [0.3, 0.5]}}],
    "tasks": ["sst2", "trec"],
    "backbone": {"num_layers": list(LAYERS), "num_heads": 2},
    "pretrain": {"peak_lr": list(RATES)},
    "control": "mlm",
}
LEFT_OUT = {"exclude": [{"mae.mask_ratio": 0.3, "backbone.num_layers": 1}]}


def study(**fields):
    """Return the study of the rows."""
    return study_of(RAW | fields)


def gain(arm, layers):
    """Return the planted difference from mlm: mae is worse when shallow, better when deep."""
    return 0.0 if arm == "mlm" else 0.08 * (np.log2(layers) - 0.5)


def rows(is_run=lambda arm, layers, rate, seed: True, num_seeds=8):
    """Return rows of every arm at every point, with a block effect of seeds."""
    made = []
    for seed in range(num_seeds):
        rng = np.random.default_rng(seed)
        block = rng.normal(0, 0.03)
        for layers, rate in itertools.product(LAYERS, RATES):
            point = json.dumps({"backbone.num_layers": layers, "pretrain.peak_lr": rate})
            for arm, task in itertools.product(("mlm", *MAES), ("sst2", "trec")):
                value = 0.6 + block + gain(arm, layers) + rng.normal(0, 0.004)
                if is_run(arm, layers, rate, seed):
                    made.append(row(arm, value, seed, task, grid_point=point))
    return frame(made)


def is_asked(arm, layers, *_):
    """Whether the study that leaves out an arm asks for it."""
    return (arm, layers) != (MAES[0], 1)


def test_comparisons_are_made_within_a_point():
    asked = study()
    scores = read_scores(rows(), asked)
    assert [point_label(s.point) for s in scores.settings] == [
        f"num_layers={n} peak_lr={lr}" for n, lr in itertools.product(LAYERS, RATES)
    ]
    verdicts = judge_comparisons(asked, scores, "mlm")
    words = {}
    for verdict in verdicts:
        layers = dict(verdict.point)["backbone.num_layers"]
        words.setdefault(layers, set()).add(verdict.outcome)
        assert verdict.difference == pytest.approx(gain("mae", layers), abs=0.006)
    assert words == {1: {"refuted"}, 2: {"supported"}, 4: {"supported"}}


def test_rows_without_a_grid_have_no_point():
    plain = frame([row("mlm", 0.5, seed) for seed in range(6)])
    scores = read_scores(plain, study_of({"name": "p", "objectives": ["mlm"], "tasks": ["sst2"]}))
    assert [setting.point for setting in scores.settings] == [()]


def test_an_arm_left_out_by_the_study_is_no_gap():
    asked = study(**LEFT_OUT)
    scores = read_scores(rows(is_asked), asked)
    verdicts = judge_comparisons(asked, scores, "mlm")
    assert "not run" not in {verdict.outcome for verdict in verdicts}
    shallow = [v for v in verdicts if dict(v.point)["backbone.num_layers"] == 1]
    assert {v.claim.treatment for v in shallow} == {MAES[1]}


def test_a_claim_is_about_the_points_that_it_names():
    base = {"sentence": "deep", "treatment": MAES[0], "control": "mlm"}
    points = ({"backbone.num_layers": 4}, {"backbone.num_layers": [1, 2]}, {})
    asked = study(claims=[base | {"grid": grid} for grid in points])
    deep, shallow, whole = judge_claims(asked, read_scores(rows(), asked))
    assert deep.difference == pytest.approx(0.12, abs=0.004) and deep.num_conditions == 4
    assert shallow.difference == pytest.approx(0.0, abs=0.004) and shallow.num_conditions == 8
    assert whole.difference == pytest.approx(0.04, abs=0.004) and whole.num_conditions == 12
    asked = study(claims=[base], **LEFT_OUT)
    (claim,) = judge_claims(asked, read_scores(rows(is_asked), asked))
    assert claim.num_conditions == 8 and claim.n == 8


def test_the_interaction_that_is_planted_is_the_one_that_is_shown():
    asked = study()
    scores = read_scores(rows(), asked)
    whole, of_mae = families(scores, asked, OPTIONS)
    assert (whole.name, list(whole.levels)) == ("all arms", ["arm", "num_layers", "peak_lr"])
    assert list(of_mae.levels) == ["mask_ratio", "num_layers", "peak_lr"]
    found = analysed(list(measured(whole, scores)))
    table = shares_table(found).frame
    sst2 = table[table["task"] == "sst2"].set_index("source of variance")
    assert sst2.loc["arm x num_layers", "verdict"] == "matters"
    assert sst2.loc["arm x peak_lr", "verdict"] == "not decidable"
    assert set(sst2["cells"]) == {"18"} and set(sst2["seeds"]) == {"8"}
    levels = levels_table(found, scores).frame
    mine = levels[(levels["task"] == "sst2") & (levels["factor"] == "num_layers")]
    # two of three arms gain; the mean gain of the depths is 0.04
    wanted = [2 / 3 * (gain("mae", n) - 0.04) for n in LAYERS]
    got = [float(text.replace("\N{MINUS SIGN}", "-")) / 100 for text in mine["against the mean"]]
    assert got == pytest.approx(wanted, abs=0.003)


def test_gaps_and_lost_runs_are_told():
    asked = study(**LEFT_OUT)
    scores = read_scores(
        rows(
            lambda *at: (
                is_asked(*at) and at[:3] != ("mlm", 4, 0.002) and at != (MAES[1], 2, 0.001, 3)
            )
        ),
        asked,
    )
    whole, *_ = families(scores, asked, OPTIONS)
    found = analysed(list(measured(whole, scores)))
    table = shares_table(found)
    assert set(table.frame["cells"]) == {"15 of 16"} and set(table.frame["seeds"]) == {"7 of 8"}
    assert "Combinations are missing" in table.caption
    assert "shared or unassigned" in set(table.frame["source of variance"])


def test_an_option_with_the_name_of_a_field_is_a_factor_of_its_own():
    arms = [f"simcse dropout={rate}" for rate in (0.1, 0.2)]
    asked = study_of(
        {
            "name": "p",
            "tasks": ["sst2"],
            "objectives": ["mlm", {"simcse": {"dropout": [0.1, 0.2]}}],
            "backbone": {"dropout": [0.0, 0.1]},
        }
    )
    points = [json.dumps({"backbone.dropout": rate}) for rate in (0.0, 0.1)]
    made = [row(a, 0.5, 0, grid_point=p) for a, p in itertools.product(("mlm", *arms), points)]
    options = {arm: {"dropout": float(arm[-3:])} for arm in arms}
    whole, of_simcse = families(read_scores(frame(made), asked), asked, options)
    assert of_simcse.levels == {
        "simcse.dropout": ("0.1", "0.1", "0.2", "0.2"),
        "dropout": ("0.0", "0.1", "0.0", "0.1"),
    }
    assert list(whole.levels) == ["arm", "dropout"]


def test_options_that_vary_need_no_grid():
    plain = {"name": "p", "tasks": ["sst2"], "objectives": ["mlm"]}
    labels = [f"mae r={r} d={d}" for r, d in itertools.product("12", "12")]
    options = {f"mae r={r} d={d}": {"r": r, "d": d} for r, d in itertools.product("12", "12")}
    table = frame([row(arm, 0.5 + 0.01 * s, s) for arm in ("mlm", *labels) for s in range(6)])
    (family,) = families(read_scores(table, study_of(plain)), study_of(plain), options)
    assert family.name == "options of mae" and list(family.levels) == ["r", "d"]
    lone = {label: {"r": options[label]["r"]} for label in labels[:3:2]}
    assert families(read_scores(table, study_of(plain)), study_of(plain), lone) == []


def test_where_the_winner_changes_along_the_grid():
    asked = study()
    scores = read_scores(rows(), asked)
    table, _ = winner_tables(winner_columns(scores, {}, decide_all(scores, "mlm")))
    mine = table.frame[table.frame["by"] == "num_layers"].set_index("where")
    assert list(mine.index) == ["1", "2", "4"]
    assert mine.loc["1", "first (decided)"] == "mlm 4 (4)"
    assert "mlm" not in mine.loc["4", "first (decided)"]
    crossed = grid_crossings(scores, asked, "mlm")
    assert set(crossed["along"]) == {"num_layers"}  # two rates are too few
    assert set(crossed["answer"]) == {"crosses"}
    assert crossed["value"].to_numpy() == pytest.approx(2**0.5, abs=0.08)
    assert len(crossed) == 2 * 2 * 2


def test_crossings_of_other_texts_stand_in_the_numbers_alone():
    asked = study(corpus_tokens=[1000, 2000])
    small, large = (rows(num_seeds=6).assign(corpus_tokens=size) for size in (1000, 2000))
    scores = read_scores(pd.concat([small, large], ignore_index=True), asked)
    crossed = grid_crossings(scores, asked, "mlm")
    assert set(crossed["corpus_tokens"]) == {1000, 2000}
    shown = grid_crossing_table(crossed, scores, "mlm").frame
    assert len(crossed) == 2 * len(shown)
    assert not shown.duplicated(["along", "at", "task", "arm"]).any()


def test_costs_stand_by_point_against_the_control_there():
    table = rows(num_seeds=1)
    points = table["grid_point"].map(json.loads)
    layers = [point["backbone.num_layers"] for point in points]
    half = [0.5 if arm != "mlm" else 1.0 for arm in table["arm"]]
    table["pretrain_flops"] = [1e9 * n * share for n, share in zip(layers, half, strict=True)]
    table["pretrain_id"] = table["arm"] + table["grid_point"]
    costs = cost_table(table, read_scores(table, study()), "mlm").frame.set_index("arm")
    assert len(costs) == 18
    at = "(num_layers=4 peak_lr=0.002)"
    assert costs.loc[f"mlm {at}", "FLOPs"] == "4 G"
    assert costs.loc[f"{MAES[0]} {at}", "relative FLOPs"] == "0.50"


def test_points_that_share_no_value_of_another_field_make_a_page_without_lines(tmp_path):
    run = {(1, 0.001), (2, 0.002), (4, 0.002)}
    table = rows(lambda arm, layers, rate, seed: (layers, rate) in run, num_seeds=6)
    exclude = [
        {"backbone.num_layers": 1, "pretrain.peak_lr": 0.002},
        {"backbone.num_layers": [2, 4], "pretrain.peak_lr": 0.001},
    ]
    context = ReportContext(options=OPTIONS, provenance={"command": "x"})
    write_report(table, study(exclude=exclude), tmp_path / "report", context=context)
    figures = {path.stem for path in (tmp_path / "report" / "figures").iterdir()}
    assert "grid-map" in figures and not any(name.startswith("grid-lines") for name in figures)


def test_the_page_and_the_files_hold_the_grid(tmp_path):
    context = ReportContext(options=OPTIONS, provenance={"command": "x"})
    table = rows(is_asked, num_seeds=6)
    asked = study(**LEFT_OUT, tasks="sst2")
    page = write_report(table[table["task"] == "sst2"], asked, tmp_path / "report", context=context)
    text = page.read_text()
    for title in ("Across the grid", "The control beside each arm", "What explains the scores"):
        assert title in text
    tables = tmp_path / "report" / "tables"
    beside = pd.read_csv(tables / "grid_comparisons.csv", dtype=str)
    assert len(beside) == 6 * 2 - 2 and "mlm there" in beside
    assert {"grid_share_numbers.csv", "grid_level_numbers.csv", "grid_crossing_numbers.csv"} <= {
        path.name for path in tables.iterdir()
    }
    figures = {path.stem for path in (tmp_path / "report" / "figures").iterdir()}
    assert {"grid-map", "grid-shares", "grid-lines-num-layers", "grid-lines-peak-lr"} <= figures


def test_figures_of_losses_say_at_which_point_they_are():
    scores = read_scores(rows(), study())
    seen, loss = (100.0, 200.0, 300.0), (7.6, 6.0, 5.0)
    facts = {"unigram_entropy": 6.0, "vocab_size": 2048, "cost": {}}
    points = dict.fromkeys(setting.point for setting in scores.settings)
    curves = [
        Curve("mlm", 0, None, seen, seen, seen, seen, loss, point=point, **facts)
        for point in points
    ]
    for picture in (health_picture(scores, curves), loss_picture(scores, curves)):
        assert picture.caption.startswith(f"At {point_label(scores.reference.point)}. ")
