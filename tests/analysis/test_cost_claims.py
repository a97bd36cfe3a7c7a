"""Claims on costs: equivalence of a ratio of seconds, and arithmetic of FLOPs."""

import numpy as np
import pytest
from report_rows import row, small_study

from mae_bench.analysis.claims import judge_claims
from mae_bench.analysis.rows import read_scores
from mae_bench.results import frame
from mae_bench.specs import Budget, Claim, PretrainRecipe

JITTER = np.array([0.02, -0.03, 0.01, 0.0, -0.02, 0.03])


def ratio(**changes):
    fields = {"sentence": "s", "treatment": "mae", "control": "mlm", "test": "ratio"}
    return Claim(**{**fields, "cost": "pretrain_s", "expected": 0.5, "tolerance": 0.2, **changes})


def runs(mean=0.5, seeds=6, flops=(0.6e12, 1e12), **of_mae):
    rows = []
    for seed in range(seeds):
        seconds = {"mlm": 100.0 + 20 * seed, "mae": (100.0 + 20 * seed) * mean}
        seconds["mae"] *= np.exp(JITTER[seed])
        for arm, spent in seconds.items():
            costs = {
                "pretrain_s": spent,
                "pretrain_flops": flops[arm == "mlm"],
                "evaluate_s": 2 * spent,
            }
            costs |= {"evaluate_flops": 1e9, "pretrain_compile": "off"}
            costs |= of_mae if arm == "mae" else {}
            rows += [row(arm, 0.5, seed, task, **costs) for task in ("sst2", "trec")]
    return frame(rows)


def judged(rows, *claims, **study):
    study = small_study(claims=claims, tasks=("sst2", "trec"), **study)
    return judge_claims(study, read_scores(rows, study), {}, rows)


@pytest.mark.parametrize(
    ("mean", "tolerance", "outcome"),
    [(0.5, 0.2, "supported"), (0.62, 0.2, "refuted"), (0.4, 0.2, "refuted"),
     (0.6, 0.2, "not decidable"), (0.45, 0.2, "supported"), (0.5, 0.005, "not decidable")],
)  # fmt: skip
def test_seconds_against_a_number(mean, tolerance, outcome):
    (verdict,) = judged(runs(mean), ratio(tolerance=tolerance))
    assert verdict.outcome == outcome, verdict.reason
    shown = mean * np.exp(JITTER.mean())
    assert verdict.difference == pytest.approx(shown) and verdict.text(verdict.difference)[0] == "0"
    assert verdict.low < shown < verdict.high
    low, high = 0.5 / (1 + tolerance), 0.5 * (1 + tolerance)
    assert (
        f"is 0.50 times the control's pretrain_s, within {low:.2f} to {high:.2f}" in verdict.reason
    )


def test_each_pretraining_counts_once_however_many_tasks_share_it():
    """Six seeds of two tasks are six ratios; the sides of a seed share its slowness."""
    (verdict,) = judged(runs(), ratio())
    assert verdict.n == 6 and verdict.num_conditions == 1
    assert verdict.sd == pytest.approx(np.std(JITTER, ddof=1))
    (evaluations,) = judged(runs(), ratio(cost="evaluate_s", task="trec"))
    assert (evaluations.n, evaluations.num_conditions, evaluations.outcome) == (6, 1, "supported")


def test_evaluations_of_several_fine_tunes_are_summed():
    """Both arms spend 110 seconds at a seed, each more of them on the other fine-tune."""
    seconds = {"mlm": (10.0, 100.0), "mae": (90.0, 20.0)}
    rows = [
        row(arm, 0.5, seed, evaluate_s=spent, evaluate_flops=1e9, finetune_seed=number)
        for seed in range(6)
        for arm, each in seconds.items()
        for number, spent in enumerate(each)
    ]
    claim = ratio(cost="evaluate_s", expected=1.0)
    study = small_study(claims=(claim,), finetune_seeds=(0, 1))
    table = frame(rows)
    (verdict,) = judge_claims(study, read_scores(table, study), {}, table)
    assert (verdict.difference, verdict.num_conditions) == (pytest.approx(1.0), 2)


def test_the_formula_is_the_ratio_of_flops():
    (fair,) = judged(runs(0.6), ratio(expected="formula"))
    assert fair.outcome == "supported" and "by the cost formulas is 0.60 times" in fair.reason
    (dear,) = judged(runs(0.9), ratio(expected="formula"))
    assert dear.outcome == "refuted" and dear.difference == pytest.approx(0.9, rel=0.01)


@pytest.mark.parametrize(("expected", "outcome"), [(0.6, "supported"), (0.8, "refuted")])
def test_flops_are_arithmetic_from_one_seed_on_and_widen_no_family(expected, outcome):
    flops = ratio(cost="pretrain_flops", expected=expected, tolerance=0.01)
    wins = Claim(sentence="s", treatment="mae", control="mlm")
    exact, seconds, _ = judged(runs(seeds=1), flops, ratio(), wins)
    assert exact.outcome == outcome and exact.is_exact and exact.n == 1
    assert "FLOPs are counted" in exact.reason
    assert seconds.outcome == "not decidable"
    assert {v.num_tests for v in judged(runs(), flops, ratio(), wins)} == {0, 3}


def test_flops_that_a_clock_decides_are_measured():
    clock = {"pretrain": PretrainRecipe(budget=Budget(seconds=60))}
    written = ratio(cost="pretrain_flops", expected=0.6)
    (verdict,) = judged(runs(seeds=1), written, seeds=(0,), **clock)
    assert verdict.outcome == "not decidable" and not verdict.is_exact


def test_seconds_of_runs_that_were_not_run_alike_are_left_out():
    rows = runs()
    is_other = (rows["arm"] == "mae") & (rows["seed"] == 3)
    rows.loc[is_other, "pretrain_compile"] = "inductor"
    (verdict,) = judged(rows, ratio())
    assert verdict.n == 5 and verdict.outcome == "not decidable"
    assert "1 seed left out, whose sides differ in pretrain_compile" in verdict.reason
    (all_other,) = judged(runs(seeds_together=3), ratio())
    assert all_other.outcome == "not run"
    assert "6 seeds left out, whose sides differ in seeds_together" in all_other.reason


def test_a_failed_pretraining_has_no_cost():
    rows = runs(seeds=6)
    rows.loc[(rows["arm"] == "mae") & (rows["seed"] == 0), ["pretrain_s", "pretrain_flops"]] = None
    (verdict,) = judged(rows, ratio())
    assert verdict.n == 5


def test_a_true_ratio_at_the_edge_is_rarely_decided():
    """The costs are as many times apart as the tolerance just allows: neither word is right."""
    rng, wrong, studies = np.random.default_rng(5), 0, 100
    rows = runs()
    study = small_study(claims=(ratio(expected=0.5 / 1.2),), tasks=("sst2", "trec"))
    scores = read_scores(rows, study)
    is_mae = (rows["arm"] == "mae").to_numpy()
    seconds = rows["pretrain_s"].to_numpy(dtype=float) / np.exp(np.repeat(JITTER, 4) * is_mae)
    for _ in range(studies):
        noise = np.repeat(rng.normal(0, 0.05, 6), 4) * is_mae
        table = rows.assign(pretrain_s=seconds * np.exp(noise))
        (verdict,) = judge_claims(study, scores, {}, table)
        wrong += verdict.outcome != "not decidable"
    assert wrong / studies <= 0.05 + 2 * (0.05 * 0.95 / studies) ** 0.5
