"""A margin moves the value that is tested against, and in the direction that the test says."""

import numpy as np
import pytest
from report_rows import small_study, table

from mae_bench.analysis.claims import judge_claims
from mae_bench.analysis.rows import read_scores
from mae_bench.specs import Claim

BASE = 0.6 + np.array([-0.2, -0.1, 0.0, 0.05, 0.1, 0.15, -0.05, 0.08])
SPREAD = np.array([0.011, -0.008, 0.004, -0.012, 0.007, -0.003, 0.009, -0.008])
MARGIN = 0.02


def judged(difference, test="superiority", margin=0.0):
    """Return the verdict on a mean difference, its spread over the seeds always the same."""
    seeds = tuple(range(len(BASE)))
    written = Claim(sentence="s", treatment="mae", control="mlm", test=test, margin=margin)
    study = small_study(claims=(written,), seeds=seeds)
    rows = table({"mlm": BASE, "mae": BASE + difference + SPREAD - SPREAD.mean()})
    return judge_claims(study, read_scores(rows, study))[0]


@pytest.mark.parametrize("difference", [-0.05, -0.025, -0.02, -0.01, 0.0, 0.02, 0.03])
def test_non_inferiority_is_superiority_to_the_control_less_the_margin(difference):
    verdict = judged(difference, "non_inferiority", MARGIN)
    shifted = judged(difference + MARGIN)
    assert verdict.p == pytest.approx(shifted.p)
    assert verdict.p_family == pytest.approx(shifted.p_family)
    assert verdict.outcome == shifted.outcome


@pytest.mark.parametrize("difference", [-0.02, 0.0, 0.02, 0.025, 0.05])
def test_a_margin_of_superiority_is_taken_off_the_difference(difference):
    verdict = judged(difference, "superiority", MARGIN)
    shifted = judged(difference - MARGIN)
    assert verdict.p == pytest.approx(shifted.p)
    assert verdict.outcome == shifted.outcome


def test_at_the_lost_margin_itself_non_inferiority_says_nothing():
    at_the_border = judged(-MARGIN, "non_inferiority", MARGIN)
    assert at_the_border.outcome == "not decidable" and at_the_border.p > 0.5
    equal = judged(0.0, "non_inferiority", MARGIN)
    assert equal.outcome == "supported" and equal.p < 0.05


@pytest.mark.parametrize("sign", [-1, 1])
def test_equivalence_rests_on_the_border_that_is_nearer(sign):
    for distance in (0.0, 0.005, 0.015, 0.02):
        verdict = judged(sign * distance, "equivalence", MARGIN)
        to_the_near, to_the_far = judged(MARGIN - distance), judged(MARGIN + distance)
        assert verdict.p == pytest.approx(max(to_the_near.p, to_the_far.p))
    assert verdict.outcome == "not decidable" and verdict.p > 0.5
    assert judged(0.0, "equivalence", MARGIN).outcome == "supported"
