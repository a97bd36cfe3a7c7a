"""The best split of a budget: decided, or not, from rows written by hand."""

import pandas as pd
import pytest
from report_rows import SEEDS, floor_rows, small_study, table

from mae_bench.analysis.budget_split import (
    split_cost_table,
    split_lines,
    split_numbers,
    split_tables,
)
from mae_bench.analysis.claims import judge_claims, judge_comparisons
from mae_bench.analysis.curve_plots import split_picture
from mae_bench.analysis.pairwise import decide_all
from mae_bench.analysis.rows import read_scores
from mae_bench.analysis.winners import winner_columns
from mae_bench.results import frame
from mae_bench.specs import BudgetSplit, Claim

X = 1e12
WIGGLE = (0.000, 0.004, -0.003, 0.002, -0.004, 0.001)  # over seeds, and not the same everywhere


def rows_of(by_share, seeds=SEEDS, **changes):
    """Return rows from {share: {arm: mean}}, each arm's seeds a little apart."""
    parts = []
    for number, (share, means) in enumerate(by_share.items()):
        values = {
            arm: [mean + WIGGLE[(seed + number + len(arm)) % 6] for seed in seeds]
            for arm, mean in means.items()
        }
        costs = {"pretrain_flops": share * X, "train_flops": (1 - share) * X - 1e9}
        costs |= {"evaluate_flops": 3 * X, "pretrain_ratio": share}
        parts.append(table(values, **costs, **changes))
    return pd.concat(parts, ignore_index=True)


def study_for(shares, **changes):
    split = BudgetSplit(flops=X, pretrain_ratios=tuple(shares))
    return small_study(("random_init", "mlm", "mae"), budget_split=split, **changes)


CLEAR = {
    0.0: {"random_init": 0.50, "mlm": 0.50, "mae": 0.50},
    0.5: {"random_init": 0.48, "mlm": 0.80, "mae": 0.801},
    0.75: {"random_init": 0.40, "mlm": 0.70, "mae": 0.800},
}


def answers(rows, study):
    return {line.arm.label: line.answer for line in split_lines(read_scores(rows, study))}


def test_a_share_that_beats_every_other_is_the_best_and_a_tie_is_not_decidable():
    assert answers(rows_of(CLEAR), study_for(CLEAR)) == {
        "random_init": "none",
        "mlm": "50%",
        "mae": "not decidable (50% or 75%)",
    }


def test_a_best_share_at_the_end_of_the_axis_says_so():
    rising = {0.25: {"mlm": 0.5, "mae": 0.6}, 0.5: {"mlm": 0.7, "mae": 0.4}}
    assert answers(rows_of(rising), study_for(rising)) == {
        "mlm": "50% (the largest share)",
        "mae": "25%",
    }


def test_of_a_metric_where_less_is_better_the_lowest_share_wins():
    rows = rows_of(CLEAR, metric="perplexity_per_word", task="wikitext2")
    assert answers(rows, study_for(CLEAR, tasks=("wikitext2",)))["mlm"] == "0%"


def test_five_seeds_decide_nothing():
    rows = rows_of(CLEAR, seeds=SEEDS[:5])
    assert answers(rows, study_for(CLEAR, seeds=SEEDS[:5]))["mlm"] == "not decidable (5 of 6 seeds)"


def test_failed_runs_of_the_others_do_not_make_a_share_the_best():
    rows = rows_of(CLEAR)
    is_lost = (rows["arm"] == "mlm") & (rows["pretrain_ratio"] == 0.75) & (rows["seed"] < 3)
    rows.loc[is_lost, "value"] = None
    rows.loc[is_lost, "failure"] = "DivergedError"
    assert answers(rows, study_for(CLEAR))["mlm"] == "not decidable (3 of 6 seeds)"


def test_pairs_of_all_arms_are_one_family():
    lines = split_lines(read_scores(rows_of(CLEAR), study_for(CLEAR)))
    by_arm = {line.arm.label: line for line in lines}
    assert (by_arm["mlm"].best, by_arm["mlm"].rivals, by_arm["mlm"].num_seeds) == (0.5, (), 6)
    assert by_arm["random_init"].best is None
    numbers = split_numbers(lines).set_index(["arm", "pretrain_ratio"])
    assert list(numbers.loc["mlm"]["is_shown_worse"]) == [True, False, True]
    assert list(numbers.loc["mae"]["is_best_mean"]) == [False, True, False]
    assert numbers.loc[("mae", 0.75), "mean"] == pytest.approx(0.8, abs=1e-3)


def test_floors_are_read_at_each_share_that_was_run_and_others_are_a_gap():
    rows = pd.concat([rows_of(CLEAR), frame(floor_rows([0.3] * 6))], ignore_index=True)
    scores = read_scores(rows, study_for([*CLEAR, 0.9]))
    shares = [setting.pretrain_ratio for setting in scores.settings]
    assert shares == [0.75, 0.9, 0.5, 0.0]  # the reference is the largest that was run
    for setting in scores.settings:
        for arm in ("majority class", "mlm"):
            assert ((arm, "sst2", setting) in scores.cells) == (setting.pretrain_ratio != 0.9)


def test_where_nothing_is_pretrained_nothing_is_compared():
    study = study_for(CLEAR)
    scores = read_scores(rows_of(CLEAR), study)
    assert {v.pretrain_ratio for v in judge_comparisons(study, scores, "mlm")} == {0.5, 0.75}
    claim = Claim(sentence="mae beats mlm", treatment="mae", control="mlm")
    study = study.model_copy(update={"claims": (claim,)})
    (verdict,) = judge_claims(study, scores)
    assert verdict.num_conditions == 2
    columns = winner_columns(scores, {}, decide_all(scores, None))
    assert {c.setting.pretrain_ratio for c in columns} == {0.5, 0.75}
    assert verdict.difference == pytest.approx((0.001 + 0.1) / 2, abs=1e-3)


def test_the_tables_show_scores_by_share_and_what_both_parts_took(tmp_path):
    rows, study = rows_of(CLEAR), study_for(CLEAR)
    scores = read_scores(rows, study)
    by_share, costs = split_tables(rows, scores, tmp_path)
    shares = by_share.frame.set_index("arm")
    assert list(shares.columns) == ["task", "0%", "50%", "75%", "best split"]
    assert shares.loc["mlm", "50%"].startswith("80.0 ± ")
    taken = costs.frame.set_index(["arm", "share of pretraining"])
    assert list(taken.loc[("mlm", "75%")]) == ["750 G", "249 G", "999 G", "3.75 T"]
    assert len(pd.read_csv(tmp_path / "split_numbers.csv")) == 9
    assert split_picture(scores, scores.reference).slug == "split-finetune-all-clean"
    assert scores.reference.slug == "finetune-all-clean-75pc-split"
    assert scores.reference.label.endswith("clean, 75% of the budget to pretraining")


def test_a_study_without_the_axis_has_none_of_it(tmp_path):
    rows, study = table({"mlm": [0.5, 0.6], "mae": [0.5, 0.7]}), small_study()
    scores = read_scores(rows, study)
    assert split_tables(rows, scores, tmp_path) == []
    assert split_cost_table(rows) is None
    assert split_picture(scores, scores.reference) is None
