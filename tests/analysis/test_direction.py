"""Where lower is better: verdicts, words, floors and text follow the metric."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from report_rows import floor_rows, small_study, table

from mae_bench.analysis.claims import judge_claims, judge_comparisons
from mae_bench.analysis.plots import floors_in_reach
from mae_bench.analysis.pretraining_plots import cost_picture
from mae_bench.analysis.references import judge_references, reference_table
from mae_bench.analysis.report import summary, write_report
from mae_bench.analysis.rows import read_metrics, read_scores
from mae_bench.analysis.score_plots import difference_picture, score_picture
from mae_bench.analysis.score_tables import score_table
from mae_bench.analysis.tables import verdict_table
from mae_bench.errors import DataError
from mae_bench.results import frame
from mae_bench.specs import Claim, Reference

JITTER = np.array([0.2, -0.1, 0.0, 0.1, -0.2, 0.3])
HIGH, LOW = 30 + JITTER, 20 + 2 * JITTER
METRIC = "perplexity_15"
MINUS = "\N{MINUS SIGN}"


def claim(**changes):
    return Claim(**{"sentence": "s", "treatment": "mae", "control": "mlm", **changes})


def judged(written, values, metric=METRIC):
    study = small_study(claims=(written,))
    return judge_claims(study, read_scores(table(values, metric=metric), study))[0]


@pytest.mark.parametrize(
    ("test", "margin", "mae", "outcome"),
    [
        ("superiority", 0.0, LOW, "supported"),
        ("superiority", 0.0, HIGH + 10 + JITTER, "refuted"),
        ("superiority", 5.0, LOW, "supported"),
        ("superiority", 15.0, LOW, "refuted"),
        ("non_inferiority", 1.0, LOW, "supported"),
        ("non_inferiority", 1.0, HIGH + 10 + JITTER, "refuted"),
        ("non_inferiority", 15.0, HIGH + 10 + JITTER, "supported"),
        ("equivalence", 1.0, HIGH + JITTER, "supported"),
        ("equivalence", 1.0, LOW, "refuted"),
        ("equivalence", 1.0, HIGH + 10 + JITTER, "refuted"),
    ],
)
def test_the_lower_perplexity_wins(test, margin, mae, outcome):
    verdict = judged(claim(test=test, margin=margin), {"mlm": HIGH, "mae": mae})
    assert verdict.outcome == outcome
    assert verdict.difference == pytest.approx(np.mean(mae - HIGH))  # as it was measured
    assert verdict.low <= verdict.difference <= verdict.high
    assert verdict.low <= verdict.iqm <= verdict.high


@pytest.mark.parametrize(
    ("metric", "outcome"),
    [
        ("alignment", "supported"),
        ("uniformity", "supported"),
        ("mean_cosine", "supported"),
        ("final_loss", "supported"),
        ("rank_lost_to_masks", "supported"),
        ("rank_tau_at_masks", "refuted"),
        ("masked_accuracy_40", "refuted"),
        ("mask_probe", "refuted"),
    ],
)
def test_every_metric_has_its_own_direction(metric, outcome):
    assert judged(claim(), {"mlm": HIGH / 100, "mae": LOW / 100}, metric).outcome == outcome


def test_a_claim_names_a_metric_that_is_not_primary():
    rows = pd.concat(
        [
            table({"mlm": HIGH / 100, "mae": HIGH / 100}),
            table({"mlm": HIGH, "mae": LOW}, metric=METRIC, is_primary=False),
        ]
    )
    study = small_study(claims=(claim(metric=METRIC), claim()))
    others = read_metrics(rows, study)
    verdicts = judge_claims(study, read_scores(rows, study), others)
    assert [verdict.outcome for verdict in verdicts] == ["supported", "not decidable"]
    assert [verdict.measure.unit for verdict in verdicts] == ["perplexity", "points"]


@pytest.fixture
def rows():
    kind = {"metric": METRIC, "pretrain_flops": 1e12, "pretrain_s": 9.0}
    floors = floor_rows([500.0] * 6)
    return pd.concat(
        [
            table({"mlm": HIGH, "mae": LOW, "simcse": HIGH + 10 + JITTER}, **kind),
            frame([{**floor, "metric": METRIC} for floor in floors]),
        ]
    )


@pytest.fixture
def study():
    return small_study(arms=("mlm", "mae", "simcse"), claims=(claim(margin=2.0),))


def test_words_and_sentences(rows, study):
    answer = summary(rows, study)
    words = {arm: answer.cells[arm, "sst2"].word for arm in answer.arms[1:]}
    assert words == {"mlm": "control", "mae": "wins", "simcse": "loses"}
    assert "mae wins on sst2; simcse loses on sst2" in answer.headline
    assert answer.cells["mae", "sst2"].text.startswith("20.1 ±")


def test_sentences_name_the_unit():
    verdict = judged(claim(), {"mlm": HIGH, "mae": HIGH + JITTER * [1, -1, 1, -1, 1, -1]})
    assert verdict.outcome == "not decidable"
    assert "points" not in verdict.reason and "perplexity" in verdict.reason


def test_tables_are_in_the_unit(rows, study):
    scores = read_scores(rows, study)
    shown = score_table(scores, scores.reference)
    assert "sst2 (perplexity_15 \N{DOWNWARDS ARROW})" in shown.frame
    assert "\N{MULTIPLICATION SIGN} 100" not in shown.caption
    line = verdict_table(judge_claims(study, scores), "claims", "").frame.iloc[0]
    assert line["difference"] == f"{MINUS}10.0" and line["margin"] == "2.0"
    assert line["95% interval"].startswith(f"[{MINUS}10.")
    assert line["unit"] == "perplexity, lower is better"


def test_a_floor_that_is_far_worse_is_named_on_its_side(rows, study):
    scores = read_scores(rows, study)
    near, far = floors_in_reach(scores, "sst2", scores.reference, np.concatenate([HIGH, LOW]))
    assert (near, far) == ({}, "majority class 500")
    assert floors_in_reach(scores, "sst2", scores.reference, HIGH + 490)[0]
    figure = score_picture(scores, scores.reference)._drawn(is_wide=True)
    shown = [text.get_text() for text in figure.axes[0].texts]
    assert shown == ["majority class 500 \N{RIGHTWARDS ARROW}"]
    assert figure.axes[0].get_xlim()[1] < 60


def test_figures_say_which_way_is_better(rows, study):
    scores = read_scores(rows, study)
    setting = scores.reference
    verdicts = judge_comparisons(study, scores, "mlm", [setting])
    figure = difference_picture(scores, verdicts, "mlm", setting)._drawn(is_wide=True)
    assert figure.axes[0].get_xlabel() == "perplexity above control\nlower is better"
    assert figure.axes[0].get_xlim()[0] < -9
    score = score_picture(scores, setting)._drawn(is_wide=True)
    assert score.axes[0].get_xlabel() == "perplexity_15\nlower is better"
    caption = cost_picture(scores, rows, setting).caption
    assert "Lower left is better" in caption and "teacher" not in caption
    taught = rows.assign(teacher_pretrain_flops=rows["pretrain_flops"] / 2)
    assert "to make a teacher" in cost_picture(scores, taught, setting).caption


def test_the_page_and_the_json(rows, study, tmp_path):
    page = write_report(rows, study, tmp_path / "r").read_text()
    assert '<td class="wins"' in page and '<td class="loses"' in page
    assert "Difference in perplexity at the same seed" in page
    (won,) = re.findall(r'<td class="wins".*?</td>', page)
    assert "▲ wins" in won and f"{MINUS}10.0" in won
    verdict = json.loads((tmp_path / "r" / "verdicts.json").read_text())["claims"][0]
    assert verdict["measure"] == {"better": "lower", "unit": "perplexity", "digits": 1}
    assert verdict["outcome"] == "supported" and verdict["difference"] < 0


@pytest.mark.parametrize(
    ("value", "outcome"), [(-3.0, "supported"), (3.0, "refuted"), (None, "supported")]
)
def test_published_directions_follow_the_metric(value, outcome):
    side = {"treatment": "mae", "control": "mlm", "metric": METRIC}
    reference = Reference(text="t", value=value, letter="S", source="p", comparison=side)
    study = small_study(references=(reference,))
    rows = table({"mlm": HIGH, "mae": LOW}, metric=METRIC)
    scores = read_scores(rows, study)
    (verdict,) = judge_references(study, scores, read_metrics(rows, study))
    assert verdict.outcome == outcome and verdict.difference == pytest.approx(-9.95)
    shown = reference_table(study, [verdict])
    assert shown.frame.iloc[0]["difference"] == f"{MINUS}10.0"
    assert shown.caption.startswith("Differences in perplexity, treatment minus control.")


def test_metrics_that_are_read_unlike_have_no_mean(tmp_path):
    rows = pd.concat(
        [
            table({"mlm": HIGH / 100, "mae": LOW / 100}),
            table({"mlm": HIGH, "mae": LOW}, "trec", metric=METRIC),
        ]
    )
    study = small_study(tasks=("sst2", "trec"))
    scores = read_scores(rows, study)
    assert "mean of tasks" not in score_table(scores, scores.reference).frame
    verdicts = judge_comparisons(study, scores, "mlm")
    assert {v.claim.task: v.outcome for v in verdicts} == {"sst2": "refuted", "trec": "supported"}
    page = write_report(rows, study, tmp_path / "r").read_text()
    assert "mean of tasks</th>" not in page
    assert "Difference in points or perplexity at the same seed" in page
    written = study.model_copy(update={"claims": (claim(),)})
    with pytest.raises(DataError, match="no common unit or direction; name a task or a metric"):
        judge_claims(written, scores)
