"""The paragraph for a reader who reads nothing else says what the verdicts say, and no more."""

import numpy as np
import pandas as pd
from report_rows import small_study, table

from mae_bench.analysis.cautions import cautions
from mae_bench.analysis.claims import control_of, judge_claims, judge_comparisons
from mae_bench.analysis.pairwise import decide_all
from mae_bench.analysis.plain_words import plain_words
from mae_bench.analysis.rows import read_scores
from mae_bench.specs import ArmSpec, Claim, EncoderSpec, Study

BASE = np.array([0.50, 0.55, 0.52, 0.51, 0.54, 0.53])
GAIN = np.array([0.05, 0.051, 0.049, 0.05, 0.052, 0.048])
TASKS = ("sst2", "trec")


def words(rows, **changes):
    return words_of(rows, small_study(**changes))


def words_of(rows, study):
    scores = read_scores(rows, study)
    control = control_of(study, scores)
    verdicts = judge_comparisons(study, scores, control, [scores.reference])
    return plain_words(rows, study, scores, control, verdicts, judge_claims(study, scores))


def two_tasks(first, second, **changes):
    cost = {"mlm": (1e12, 10.0), "mae": (2e12, 15.0)}
    rows = pd.concat([table(first, **changes), table(second, task="trec", **changes)])
    flops, seconds = zip(*(cost[arm] for arm in rows["arm"]), strict=True)
    return rows.assign(pretrain_flops=flops, pretrain_s=seconds)


def test_who_won_where_how_sure_and_at_what_cost():
    rows = two_tasks({"mlm": BASE, "mae": BASE + GAIN}, {"mlm": BASE, "mae": BASE - GAIN})
    claim = Claim(sentence="mae is better.", treatment="mae", control="mlm", task="sst2")
    text = words(rows, tasks=TASKS, claims=(claim,))
    assert text == (
        "At finetune, all labels, clean: mae does better than mlm on sst2 (by 5.0 points), and "
        "worse on trec (by 5.0 points). "
        "These 2 differences hold over 6 pretraining seeds, after correction for all 2 "
        "comparisons: were there none at all, one such study in twenty would claim any. "
        "Pretraining cost in FLOPs, with mlm as 1: mae 2.00. "
        "The rows support the claim “mae is better”."
    )


def test_what_was_not_decided_is_named_with_what_would_have_been_seen():
    noise = np.array([0.03, -0.03, 0.02, -0.02, 0.01, -0.012])
    rows = two_tasks({"mlm": BASE, "mae": BASE + GAIN}, {"mlm": BASE, "mae": BASE + noise})
    text = words(rows, tasks=TASKS)
    assert "One of the 2 comparisons could not be decided (mae on trec)" in text
    assert "does not mean that the two are equal" in text
    assert "points or more would usually have been found there" in text
    alone = words(table({"mlm": BASE, "mae": BASE + noise}))
    assert alone.startswith("The one comparison with mlm could not be decided")


def test_few_seeds_and_lost_runs_are_said():
    rows = table({"mlm": [0.5, 0.6], "mae": [0.7, None]}, is_collapsed=True)
    few = words(rows)
    assert few.startswith("Nothing can be said about who is better: one seed is too few, 6 are")
    scores = read_scores(rows, small_study())
    failed, collapsed = cautions(rows, scores, (), decide_all(scores, "mlm"))
    assert failed == "One of 4 runs failed and is in no mean: mae 1."
    assert collapsed.startswith("4 of 4 runs collapsed")


def test_pretraining_seeds_are_claimed_only_of_what_was_pretrained():
    outside = EncoderSpec(**{"from": "hub/minilm", "label": "minilm"})
    study = Study(
        name="s",
        objectives=(ArmSpec(objective="mlm", label="mlm"),),
        encoders=(outside,),
        tasks=("sst2",),
    )
    rows = table({"mlm": BASE, "minilm": BASE + GAIN})
    rows.loc[rows["arm"] == "minilm", "objective"] = "outside"
    text = words_of(rows, study)
    assert "holds over 6 seeds" in text and "pretraining seeds" not in text


def test_one_arm_has_nothing_to_say():
    assert words(table({"mlm": BASE}), arms=("mlm",)) == ""
