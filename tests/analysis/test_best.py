"""The best of a table with its ties, beside verdicts of all pairs worked out one by one."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from report_rows import floor_rows, small_study, table

from mae_bench.analysis.best import best_with_ties
from mae_bench.analysis.claims import judge_family
from mae_bench.analysis.pairwise import decide_all
from mae_bench.analysis.rows import read_scores
from mae_bench.analysis.score_tables import score_table, scores_long
from mae_bench.results import frame
from mae_bench.specs import Claim

ARMS = ("mlm", "mae", "simcse")
TASKS = ("sst2", "trec")
BASE = np.array([0.50, 0.55, 0.52, 0.51, 0.54, 0.53])
OTHER = np.array([0.503, 0.548, 0.521, 0.512, 0.537, 0.531])  # as good, on other seeds
WOBBLE = np.array([0.004, -0.003, 0.002, -0.004, 0.003, -0.002])


def best_of(rows, **changes):
    scores = read_scores(rows, small_study(arms=ARMS, **changes))
    return scores, best_with_ties(scores, scores.reference, decide_all(scores, "mlm"))


def two_tasks():
    first = {"mlm": BASE, "mae": OTHER + 0.1, "simcse": BASE + 0.1 + WOBBLE}
    second = {"mlm": BASE, "mae": OTHER, "simcse": BASE - 0.2 + WOBBLE}
    return pd.concat([table(first), table(second, task="trec")])


def test_ties_are_the_arms_that_no_verdict_tells_from_the_best():
    scores, best = best_of(two_tasks(), tasks=TASKS)
    claims = [
        Claim(sentence=f"{a} {b}", treatment=a, control=b, task=task, protocol="finetune")
        for task in TASKS
        for a, b in combinations(ARMS, 2)
    ]
    decided = {
        (v.claim.task, frozenset((v.claim.treatment, v.claim.control)))
        for v in judge_family(claims, "all pairs", small_study(arms=ARMS, tasks=TASKS), scores)
        if v.outcome in ("supported", "refuted")
    }
    for task in TASKS:
        means = {arm: scores.values(arm, task, scores.reference).mean() for arm in ARMS}
        first = max(means, key=means.get)
        assert best[task] == {a for a in ARMS if (task, frozenset((a, first))) not in decided}
    assert best["sst2"] == {"mae", "simcse"} and best["trec"] == {"mlm", "mae"}
    assert best[None] == {"mae"}


def test_of_perplexity_the_lowest_is_the_best():
    rows = table({"mlm": BASE + 5, "mae": OTHER + 9, "simcse": BASE + 9 + WOBBLE})
    scores, best = best_of(rows.assign(metric="perplexity_15"))
    assert best["sst2"] == {"mlm"}
    shown = score_table(scores, scores.reference, best)
    assert shown.frame.columns[1] == "sst2 (perplexity_15 \N{DOWNWARDS ARROW})"
    assert any("lower is better" in note for note in shown.notes)


def test_an_arm_with_too_few_seeds_for_a_verdict_takes_no_part():
    rows = table({"mlm": BASE, "mae": OTHER - 0.1, "simcse": [*(BASE + 0.2)[:5], None]})
    _, best = best_of(rows)
    assert best["sst2"] == {"mlm"}


@pytest.mark.parametrize("count", [1, 5])
def test_with_too_few_seeds_nothing_is_bold_and_the_table_says_so(count):
    rows = table({"mlm": BASE[:count], "mae": BASE[:count] + 0.2})
    scores, best = best_of(rows)
    assert best == {}
    shown = score_table(scores, scores.reference, best)
    assert shown.bold == frozenset()
    assert any("fewer than 6 seeds" in note for note in shown.notes)


def test_a_table_marks_the_cells_of_the_best_and_names_a_floor_above_it():
    rows = pd.concat([frame(floor_rows([0.9] * 6)), two_tasks()])
    scores, best = best_of(rows, tasks=TASKS)
    shown = score_table(scores, scores.reference, best)
    bold = {(shown.frame.iloc[line, 0], shown.frame.columns[at]) for line, at in shown.bold}
    assert bold == {
        ("mae", "sst2 (accuracy)"), ("simcse", "sst2 (accuracy)"),
        ("mlm", "trec (accuracy)"), ("mae", "trec (accuracy)"), ("mae", "mean of tasks"),
    }  # fmt: skip
    assert "A floor has a better mean than every arm on sst2." in shown.notes
    assert shown.rule_after == 1
    long = scores_long(scores, {scores.reference: best}).set_index(["arm", "task"])
    assert long.loc[("mlm", "trec"), "is_best_or_tied"]
    assert not long.loc[("mlm", "sst2"), "is_best_or_tied"]


def test_a_standard_deviation_is_that_of_the_seeds():
    scores, best = best_of(two_tasks(), tasks=TASKS)
    shown = score_table(scores, scores.reference, best, "sd").frame.set_index("arm")
    mlm = f"{100 * BASE.mean():.1f} ± {100 * BASE.std(ddof=1):.1f}"
    assert shown.loc["mlm", "sst2 (accuracy)"] == shown.loc["mlm", "mean of tasks"] == mlm
    assert "IQM" not in shown
