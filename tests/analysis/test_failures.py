"""Runs that fail or collapse more on one side than on the other."""

import numpy as np
import pytest
from report_rows import small_study, table

from mae_bench.analysis.claims import judge_claims
from mae_bench.analysis.failures import Side, held_against
from mae_bench.analysis.rows import read_scores
from mae_bench.analysis.tables import verdict_table
from mae_bench.specs import Claim

NONE = (False,) * 4


def side(values, failed=NONE, collapsed=NONE):
    return Side(np.array(values, dtype=float), np.array(failed), np.array(collapsed))


def judged(rows, seeds=6, **changes):
    claim = Claim(**{"sentence": "s", "treatment": "mae", "control": "mlm", **changes})
    study = small_study(claims=(claim,), seeds=tuple(range(seeds)))
    return judge_claims(study, read_scores(rows, study))[0]


def flagged(rows, arm, seed, *, is_failed=False):
    is_it = (rows["arm"] == arm) & (rows["seed"] == seed)
    if is_failed:
        rows.loc[is_it, ["value", "failure"]] = [None, "out of memory"]
    else:
        rows.loc[is_it, "is_collapsed"] = True
    return rows


def test_lost_runs_count_against_the_winner():
    winner = side([5, np.nan, 6, 1], failed=(0, 1, 0, 0), collapsed=(0, 0, 0, 1))
    loser = side([4, 4, 1, 2], collapsed=(0, 0, 1, 0))
    # apart by 1; failed: the worst score 0 against 4; a collapsed loser is a tie; behind by 1
    assert list(held_against(winner, loser, worst=0.0)) == [1, -4, 0, -1]


def test_a_side_that_is_lost_at_every_seed_keeps_its_differences():
    winner, loser = side([5, 5, 5, 5]), side([1, 1, 2, 1], collapsed=(1, 1, 1, 1))
    assert list(held_against(winner, loser, worst=0.0)) == [4, 4, 3, 4]


def test_a_seed_that_both_sides_lost_stays_as_it_is():
    winner, loser = (
        side([5, 2, 2, 2], collapsed=(0, 1, 0, 0)),
        side([1, 1, 1, 1], collapsed=(0, 1, 0, 0)),
    )
    assert list(held_against(winner, loser, worst=0.0)) == [4, 1, 1, 1]


@pytest.mark.parametrize("seed", range(3))
def test_a_lost_win_is_taken_back_and_both_sides_are_named(seed):
    """Two of eight controls collapse; the rest are level, so that nothing else is shown."""
    generator = np.random.default_rng(seed)
    base = 0.6 + generator.normal(0, 0.02, 8)
    gains = np.where(np.arange(8) < 5, 0.2, 0.02) + generator.normal(0, 0.002, 8)
    rows = table({"mlm": base, "mae": base + gains})
    assert judged(rows.copy(), 8).outcome == "supported"
    for lost in range(5):
        rows = flagged(rows, "mlm", lost)
    verdict = judged(rows, 8)
    assert verdict.outcome == "not decidable" and verdict.is_failure_bound
    assert verdict.word == "not decidable (runs failed)"
    assert "not decidable (runs failed)" in verdict.reason
    assert "mae: no failed or collapsed run; mlm: 0 failed, 5 collapsed" in verdict.reason
    line = verdict_table([verdict], "v", "c").frame.iloc[0]
    assert line["verdict"] == "not decidable (runs failed)"
    assert "mlm: 0 failed, 5 collapsed" in line["seeds"]


def test_a_win_that_survives_the_worst_case_stands():
    base = 0.6 + np.linspace(-0.02, 0.02, 12)
    gains = 0.10 + np.linspace(0, 0.01, 12)[[3, 1, 7, 2, 9, 11, 0, 5, 4, 10, 6, 8]]
    rows = flagged(table({"mlm": base, "mae": base + gains}), "mlm", 0, is_failed=True)
    verdict = judged(rows, 12)
    assert (verdict.n, verdict.outcome) == (11, "supported")
    assert "mlm: 1 failed, 0 collapsed" in verdict.reason


def test_a_failed_treatment_does_not_win_by_its_survivors():
    base = 0.6 + np.linspace(-0.02, 0.02, 8)
    rows = table({"mlm": base, "mae": base + 0.03 + np.linspace(0, 0.002, 8), "simcse": [0.1] * 8})
    assert judged(rows.copy(), 8).outcome == "supported"
    verdict = judged(flagged(rows, "mae", 3, is_failed=True), 8)
    assert verdict.outcome == "not decidable" and verdict.is_failure_bound


def test_equal_losses_change_nothing():
    base = 0.6 + np.linspace(-0.02, 0.02, 8)
    rows = table({"mlm": base, "mae": base + 0.03 + np.linspace(0, 0.002, 8)})
    for arm, seed in (("mlm", 0), ("mae", 1)):
        rows = flagged(rows, arm, seed, is_failed=True)
    verdict = judged(rows, 8)
    assert (verdict.n, verdict.outcome) == (6, "supported")


def test_a_plateau_that_was_seen_is_never_taken_for_a_win():
    """One run in ten at -9, the others at +1: mean 0, and a win wherever no plateau is seen."""
    generator = np.random.default_rng(0)
    supported = seen = 0
    for _ in range(60):
        base = 0.6 + generator.normal(0, 0.02, 10)
        is_low = generator.random(10) < 0.1
        gains = np.where(is_low, -0.09, 0.01) + generator.normal(0, 0.0005, 10)
        rows = table({"mlm": base, "mae": base + gains})
        for seed in np.flatnonzero(is_low):
            rows = flagged(rows, "mae", int(seed))
        if is_low.any():
            seen += 1
            supported += judged(rows, 10).outcome == "supported"
    assert seen > 20 and supported == 0
