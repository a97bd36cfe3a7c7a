"""Results of others: read as they are written, shown unpaired, and judged by nothing."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_rows import small_study, table
from scipy import stats

from mae_bench.analysis.foreign import ForeignScore, read_foreign
from mae_bench.analysis.foreign_tables import foreign_tables, welch_interval
from mae_bench.analysis.report import ReportContext, write_report
from mae_bench.analysis.rows import read_scores
from mae_bench.errors import DataError
from mae_bench.specs import Claim

FILES = Path(__file__).parents[1] / "foreign"
EUROEVAL = FILES / "euroeval_benchmark_results.jsonl"
HARNESS = FILES / "results_2026-05-20T00-00-00.json"


def by_arm(*paths):
    return {(s.arm, s.task, s.metric): s for s in read_foreign(paths)}


def test_encodeval_takes_the_rate_that_validation_chooses():
    scores = by_arm(FILES / "encodeval")
    one = scores["210m-mlm40-42k", "sst2", "accuracy"]
    tests = []
    for seed in range(3):
        name = f"encodeval/results/210m-mlm40-42k/SC/sst2/lr1e-04_sd{seed}/results.json"
        tests.append(np.mean(json.loads((FILES / name).read_text())["test"]["scores_i"]))
    assert (one.n, one.source) == (3, "EncodEval") and "at rate 1e-04, the best of 2" in one.note
    assert one.mean == pytest.approx(np.mean(tests))
    assert one.sd == pytest.approx(np.std(tests, ddof=1))
    other = scores["1b-clm-42k", "nq", "ndcg"]
    assert other.n == 1 and np.isnan(other.sd) and "from msmarco_pairs" in other.note
    inner = by_arm(FILES / "encodeval" / "results" / "1b-clm-42k")
    assert next(iter(inner.values())).mean == other.mean


def test_euroeval_reads_iterations_of_both_versions():
    scores = by_arm(EUROEVAL)
    assert set(scores) == {
        ("some/encoder", "angry-tweets", "matthews"),
        ("some/encoder", "angry-tweets", "macro_f1"),
        ("some/encoder", "scala-da", "matthews"),
    }
    one = scores["some/encoder", "angry-tweets", "matthews"]
    assert one.mean == pytest.approx(0.42) and one.n == 3
    assert one.sd == pytest.approx(np.std([0.40, 0.45, 0.41], ddof=1))


def test_the_harness_is_one_run_of_unknown_spread():
    scores = by_arm(HARNESS)
    one = scores["gpt2", "sst2", "accuracy"]
    assert one.n == 1 and np.isnan(one.sd) and one.mean == pytest.approx(0.6561447811447811)
    assert one.note == "one run, standard error over examples 0.00975"
    assert scores["gpt2", "gsm8k", "exact_match"].note == "one run, filter strict-match"
    assert {metric for _, _, metric in scores} == {"accuracy", "acc_norm", "exact_match"}


def test_a_paper_may_lack_deviations():
    scores = by_arm(FILES / "paper.csv")
    assert np.isnan(scores["MosaicBERT-Base", "sst2", "accuracy"].sd)
    assert scores["small BERT", "SST-2", "accuracy"].sd == 0.02


WRONG = {
    "gone.csv": (None, "is not there"),
    "a.txt": ("x", "is of no known form; known: a folder of EncodEval"),
    "b.json": ("[1]", "must hold a mapping, got a list"),
    "c.json": ('{"results": [1]}', "is no result of lm-evaluation-harness"),
    "d.json": ("{", "is no JSON"),
    "e.jsonl": ('{"model": "m"}', "line 1 is no result of EuroEval"),
    "f.jsonl": ("\n", "holds no score"),
    "g.csv": ("arm,task\n", "lacks the columns metric, mean, sd, n"),
    "h.csv": ("arm,task,metric,mean,sd,n\na,t,accuracy,89.2,1,5\n", "write 0.892 for 89.2 points"),
    "i.csv": ("arm,task,metric,mean,sd,n\na,t,acuracy,.8,.1,5\n", "Did you mean 'accuracy'?"),
    "j.csv": ("arm,task,metric,mean,sd,n\na,t,accuracy,much,.1,5\n", "line 2 needs numbers"),
    "k.csv": ("arm,task,metric,mean,sd,n\na,t,accuracy,.8,-.1,5\n", "sd of at least 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_read_is_answered_in_one_sentence(name, tmp_path):
    text, part = WRONG[name]
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(DataError) as caught:
        read_foreign([tmp_path / name])
    assert part in str(caught.value) and "\n" not in str(caught.value)


def test_welch_agrees_with_scipy():
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, 6), rng.normal(0.5, 3, 9)
    sides = [(side.mean(), side.std(ddof=1), len(side)) for side in (first, second)]
    wanted = stats.ttest_ind(first, second, equal_var=False).confidence_interval()
    assert welch_interval(*sides[0], *sides[1]) == pytest.approx((wanted.low, wanted.high))
    assert np.isnan(welch_interval(0.5, np.nan, 1, 0.4, 0.1, 5)).all()


def test_own_arms_stand_beside_those_of_others_and_no_verdict_reads_them(tmp_path):
    values = {"mlm": 0.6 + 0.01 * np.arange(6), "mae": 0.65 + 0.01 * np.arange(6)[::-1]}
    rows = table(values)
    claims = (Claim(sentence="MAE wins.", treatment="mae", control="mlm"),)
    study = small_study(claims=claims)
    scores = read_scores(rows, study)
    foreign = read_foreign([FILES / "paper.csv", HARNESS, EUROEVAL])
    shown, gaps = foreign_tables(foreign, scores, tmp_path)
    here = shown.frame[shown.frame["source"] == "this study"]
    assert set(here["arm"]) == {"mlm", "mae"} and set(here["task"]) == {"sst2", "SST-2"}
    assert all(arm.endswith("(unpaired)") for arm in shown.frame["arm"] if arm not in values)
    line = gaps.frame[gaps.frame["minus (unpaired)"] == "small BERT (paper)"].set_index("arm")
    low, high = welch_interval(0.625, np.std(values["mlm"], ddof=1), 6, 0.60, 0.02, 5)
    assert line.loc["mlm", "difference"] == "+2.5"
    assert line.loc["mlm", "95% interval"] == f"[\N{MINUS SIGN}{-100 * low:.1f}, {100 * high:+.1f}]"
    unknown = gaps.frame[gaps.frame["minus (unpaired)"].str.startswith("MosaicBERT")]
    assert set(unknown["95% interval"]) == {"spread unknown"}
    numbers = pd.read_csv(tmp_path / "foreign_numbers.csv")
    assert len(numbers) == len(gaps.frame)

    pages = {}
    for name, theirs in (("without", ()), ("with", foreign)):
        write_report(rows, study, tmp_path / name, context=ReportContext(foreign=theirs))
        pages[name] = (tmp_path / name / "verdicts.json").read_text()
    assert pages["with"] == pages["without"]
    page = (tmp_path / "with" / "index.html").read_text(encoding="utf-8")
    assert "small BERT (unpaired)" in page and "no claim and no verdict reads them" in page
    shutil.rmtree(tmp_path / "with")


def test_an_unknown_metric_is_shown_as_it_is(tmp_path):
    scores = read_scores(table({"mlm": [0.5] * 6}), small_study(("mlm",)))
    one = ForeignScore("theirs", "sst2", "odd_metric", 12.3456, float("nan"), 1, "EuroEval")
    (shown,) = foreign_tables([one], scores, tmp_path)
    assert list(shown.frame["score"]) == ["12.346"]
