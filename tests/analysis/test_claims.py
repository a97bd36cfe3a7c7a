"""Verdicts: what rows may say, and what they may not."""

import numpy as np
import pandas as pd
import pytest
from report_rows import floor_rows, row, small_study, table
from scipy import stats as scipy_stats

from mae_bench.analysis.claims import control_of, judge_claims, judge_comparisons
from mae_bench.analysis.rows import read_scores
from mae_bench.errors import DataError
from mae_bench.results import frame
from mae_bench.specs import Claim, NoiseSpec

SEED_EFFECT = np.array([-0.2, -0.1, 0.0, 0.05, 0.1, 0.15])  # far larger than what arms differ by
JITTER = np.array([0.002, -0.001, 0.0, 0.001, -0.002, 0.003])


def claim(**changes):
    return Claim(**{"sentence": "s", "treatment": "mae", "control": "mlm", **changes})


def verdict_of(rows, written, **study):
    study = small_study(claims=(written,), **study)
    return judge_claims(study, read_scores(rows, study))[0]


def pair(difference, seeds=6):
    base = 0.6 + SEED_EFFECT[:seeds]
    return table({"mlm": base, "mae": base + difference + JITTER[:seeds]})


@pytest.mark.parametrize(
    ("test", "margin", "difference", "outcome"),
    [
        ("superiority", 0.0, 0.05, "supported"),
        ("superiority", 0.0, -0.05, "refuted"),
        ("superiority", 0.0, 0.0, "not decidable"),
        ("superiority", 0.10, 0.15, "supported"),
        ("superiority", 0.10, 0.05, "refuted"),
        ("non_inferiority", 0.02, 0.0, "supported"),
        ("non_inferiority", 0.02, -0.05, "refuted"),
        ("equivalence", 0.02, 0.0, "supported"),
        ("equivalence", 0.02, 0.05, "refuted"),
        ("equivalence", 0.02, -0.05, "refuted"),
        ("equivalence", 0.001, 0.0, "not decidable"),
    ],
)
def test_outcomes(test, margin, difference, outcome):
    verdict = verdict_of(pair(difference), claim(test=test, margin=margin))
    assert verdict.outcome == outcome
    assert verdict.n == 6


def test_claims_in_another_unit_lend_no_spread():
    tokens = {"mlm": 1e6 * (1 + SEED_EFFECT), "mae": 1e6 * (1 - 0.2 * SEED_EFFECT)}
    rows = pd.concat([pair(0.02), table(tokens, "trec", metric="plateau_tokens")])
    claims = (claim(task="sst2"), *(claim(sentence=f"{n}", task="trec") for n in range(3)))
    study = small_study(tasks=("sst2", "trec"), claims=claims)
    first, *others = judge_claims(study, read_scores(rows, study))
    assert first.outcome == "supported" and first.detectable < 0.02
    assert {verdict.outcome for verdict in others} == {"not decidable"}
    assert first.num_tests == 4  # adjusted together all the same


def test_differences_are_paired_not_pooled():
    """The same numbers with the seeds of one arm shuffled decide nothing."""
    base = 0.6 + SEED_EFFECT
    shuffled = (base + 0.03 + JITTER)[[3, 5, 0, 1, 4, 2]]
    unpaired = verdict_of(table({"mlm": base, "mae": shuffled}), claim())
    paired = verdict_of(pair(0.03), claim())
    assert paired.difference == pytest.approx(unpaired.difference)
    assert paired.outcome == "supported" and unpaired.outcome == "not decidable"
    assert paired.high - paired.low < 0.01 < 0.1 < unpaired.high - unpaired.low
    assert paired.better > 0.999 > 0.9 > unpaired.better


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_fewer_than_six_seeds_decide_nothing(seeds):
    verdict = verdict_of(pair(0.2, seeds), claim(), seeds=tuple(range(seeds)))
    assert verdict.outcome == "not decidable"
    assert "too few for a verdict, at least 6 are needed" in verdict.reason
    assert "significan" not in verdict.reason


def test_a_failure_takes_its_pair_away_and_is_counted():
    rows = pair(0.05)
    rows.loc[(rows["arm"] == "mae") & (rows["seed"] == 2), "value"] = None
    rows.loc[(rows["arm"] == "mae") & (rows["seed"] == 2), "failure"] = "out of memory"
    verdict = verdict_of(rows, claim())
    assert (verdict.n, verdict.num_failed, verdict.outcome) == (5, 1, "not decidable")
    assert verdict.difference == pytest.approx(0.05, abs=0.002)


def test_a_value_beside_a_failure_is_not_used():
    rows = pair(0.05)
    rows.loc[rows["arm"] == "mae", "failure"] = "broken"
    assert verdict_of(rows, claim()).outcome == "not run"


def test_a_collapsed_run_stays_in_the_numbers_and_is_counted():
    rows = pair(0.05)
    rows.loc[(rows["arm"] == "mae") & (rows["seed"] == 5), "is_collapsed"] = True
    verdict = verdict_of(rows, claim())
    assert (verdict.n, verdict.num_collapsed) == (6, 1)
    assert verdict.losses.treatment_collapsed == 1 and verdict.losses.control_collapsed == 0


def test_a_claim_over_tasks_needs_every_task_of_the_study():
    rows = pair(0.05)
    assert verdict_of(rows, claim(), tasks=("sst2", "trec")).outcome == "not run"
    other = pair(0.07).assign(task="trec")
    verdict = verdict_of(pd.concat([rows, other]), claim(), tasks=("sst2", "trec"))
    assert (verdict.num_conditions, verdict.n) == (2, 6)
    assert verdict.difference == pytest.approx(0.06, abs=0.002)


def test_a_claim_about_an_arm_that_was_not_run():
    assert verdict_of(pair(0.05), claim(treatment="simcse")).outcome == "not run"


def test_floors_have_no_protocol_and_join_every_one():
    rows = pd.concat([pair(0.05), frame(floor_rows([0.1] * 6))])
    written = claim(control="majority class", margin=0.1, protocol="finetune")
    assert verdict_of(rows, written).outcome == "supported"


def test_repeated_fine_tuning_is_stated():
    verdict = verdict_of(pair(0.05), claim(), repeats="finetuning")
    assert "over fine-tuning seeds of one pretraining" in verdict.reason


def test_noise_is_matched_by_label_or_name():
    noisy = pair(-0.05).assign(noise="typos", noise_rate=0.1)
    study = {"noise": (NoiseSpec(), NoiseSpec(name="typos", rate=0.1))}
    rows = pd.concat([pair(0.05), noisy])
    assert verdict_of(rows, claim(noise="clean"), **study).outcome == "supported"
    assert verdict_of(rows, claim(noise="typos"), **study).outcome == "refuted"
    assert verdict_of(rows, claim(noise="typos 0.1 (test)"), **study).outcome == "refuted"


def test_two_rows_of_one_cell_are_refused():
    rows = frame([row("mlm", 0.5), row("mlm", 0.6)])
    with pytest.raises(DataError, match="two rows for one cell"):
        read_scores(rows, small_study())


def test_the_control_is_the_study_s_or_the_first_mlm():
    study = small_study(arms=("mae", "mlm mask_ratio=0.4", "mlm"))
    scores = read_scores(table({"mae": [1.0], "mlm mask_ratio=0.4": [1.0], "mlm": [1.0]}), study)
    assert control_of(study, scores) == "mlm mask_ratio=0.4"
    assert control_of(study.model_copy(update={"control": "mae"}), scores) == "mae"


def test_four_claims_with_a_margin_are_supported_at_six_seeds():
    generator = np.random.default_rng(0)
    tasks, arms = ("sst2", "trec"), ("random_init", "mlm", "mae")
    means = {"random_init": 0.4, "mlm": 0.6, "mae": 0.58}
    rows = pd.concat(
        [
            table({arm: means[arm] + generator.normal(0, 0.015, 6) for arm in arms}, task)
            for task in tasks
        ]
    )
    claims = tuple(
        claim(treatment=arm, control="random_init", margin=0.1, task=task)
        for arm in arms[1:]
        for task in tasks
    )
    study = small_study(arms=arms, tasks=tasks, claims=claims)
    verdicts = judge_claims(study, read_scores(rows, study))
    assert [v.outcome for v in verdicts] == ["supported"] * 4


def test_a_true_null_is_rarely_decided():
    """Family-wise: six comparisons without any difference, 80 times over."""
    seeds, studies = 6, 80
    generator = np.random.default_rng(seeds)
    tasks, arms = ("a", "b", "c"), ("mlm", "mae", "simcse")
    study = small_study(arms=arms, tasks=tasks, seeds=tuple(range(seeds)))
    wrong = 0
    for _ in range(studies):
        shared = generator.normal(0, 0.05, seeds)
        rows = [
            row(arm, float(value), seed, task)
            for task in tasks
            for arm in arms
            for seed, value in enumerate(0.6 + shared + generator.normal(0, 0.02, seeds))
        ]
        scores = read_scores(frame(rows), study)
        verdicts = judge_comparisons(study, scores, "mlm")
        wrong += any(
            v.outcome in ("supported", "refuted") for v in verdicts if v.claim.task is not None
        )
    assert wrong / studies <= 0.05 + 2 * (0.05 * 0.95 / studies) ** 0.5


def test_a_margin_is_tested_at_its_own_sign():
    """One claim alone is Student's t: at -margin, at +margin, or the worse of both."""
    gains = np.array([0.01, 0.03, -0.02, 0.02, 0.00, 0.04])
    rows = table({"mlm": 0.6 + SEED_EFFECT, "mae": 0.6 + SEED_EFFECT + gains})

    def p_at(value):
        return scipy_stats.ttest_1samp(gains, value).pvalue

    close = {"rel": 0.02}
    for_margin = {
        "superiority": p_at(0.03),
        "non_inferiority": p_at(-0.03),
        "equivalence": min(1.0, max(2 * min(p_at(0.03), p_at(-0.03)), p_at(0.03))),
    }
    for test, expected in for_margin.items():
        verdict = verdict_of(rows, claim(test=test, margin=0.03))
        assert verdict.p_family == pytest.approx(expected, **close), test
    far = verdict_of(rows, claim(test="non_inferiority", margin=0.2))
    assert far.outcome == "supported" and far.p < 1e-4


def test_what_is_called_equal_within_a_margin_is_supported_just_beyond_it():
    rows = pair(0.004)
    verdict = verdict_of(rows, claim(margin=0.01))
    assert verdict.equal_within > 0
    beyond = claim(test="equivalence", margin=round(1.001 * verdict.equal_within, 6))
    assert verdict_of(rows, beyond).outcome == "supported"
    closer = claim(test="equivalence", margin=round(0.7 * verdict.equal_within, 6))
    assert verdict_of(rows, closer).outcome == "not decidable"


def test_an_undecided_sentence_says_power_probability_and_margin():
    rows = table({"mlm": 0.6 + SEED_EFFECT, "mae": 0.6 + SEED_EFFECT[::-1]})
    reason = verdict_of(rows, claim()).reason
    assert "6 seeds usually show (80% power) only a true difference of" in reason
    assert "mae is better with posterior probability .50" in reason
    assert "shown equal within" in reason


def test_a_planted_effect_is_found_among_nulls():
    generator = np.random.default_rng(4)
    arms = ("mlm", "mae", "simcse")
    num_supported = 0
    for _ in range(40):
        base = 0.6 + generator.normal(0, 0.05, 10)
        values = {
            "mlm": base + generator.normal(0, 0.01, 10),
            "mae": base + 0.03 + generator.normal(0, 0.01, 10),
            "simcse": base + generator.normal(0, 0.01, 10),
        }
        study = small_study(arms=arms, seeds=tuple(range(10)))
        verdicts = judge_comparisons(study, read_scores(table(values), study), "mlm")
        num_supported += verdicts[0].outcome == "supported"
    assert num_supported >= 36
