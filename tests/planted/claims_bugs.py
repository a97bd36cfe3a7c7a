"""Bugs in claims along an axis, on costs and on spread, and in when they were written."""

from bugs import Bug

KINDS = "tests/analysis/test_claim_kinds.py"
BUGS = (
    Bug(
        "steps_refute_nothing",
        "A rise with a shown step back is supported.",
        "mae_bench/analysis/monotone.py",
        "for number, (earlier, later) in enumerate(names, 1)\n    ]",
        "for number, (earlier, later) in enumerate(names, 1)\n    ][:0]",
        (f"{KINDS}::test_monotone",),
    ),
    Bug(
        "one_side_of_a_crossing",
        "A crossing is supported where the arm is ahead at the end, wherever it began.",
        "mae_bench/analysis/crosses.py",
        'Part(0, 0.0, False, message("claim.at", label=names[0])),',
        'Part(1, 0.0, True, message("claim.at", label=names[0])),',
        (f"{KINDS}::test_crossing",),
    ),
    Bug(
        "spread_of_levels",
        "The correlation is of the two sides: arms that share a seed's luck differ in spread.",
        "mae_bench/analysis/spread.py",
        "p = rank_p(first + second, first - second)",
        "p = rank_p(first, second)",
        (
            f"{KINDS}::test_spread_of_a_constant_side",
            f"{KINDS}::test_nothing_true_is_rarely_decided",
        ),
    ),
    Bug(
        "costs_by_row",
        "A pretraining is as often in a cost as it has rows of tasks.",
        "mae_bench/analysis/run_costs.py",
        "keys = list(_AXES if is_pretraining else _CELL)",
        "keys = list(_CELL)",
        ("tests/analysis/test_cost_claims.py",),
    ),
    Bug(
        "claims_always_first",
        "A claim that is added later counts as one from before the rows.",
        "mae_bench/runner/claim_record.py",
        "arms = arms_with_rows(plan, store)\n    earlier",
        "arms = ()\n    earlier",
        (
            "tests/e2e/test_claims_run.py::test_post_hoc_stays_so_after_another_run_and_stands_in_the_report",
        ),
    ),
)
