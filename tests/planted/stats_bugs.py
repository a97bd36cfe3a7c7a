"""Bugs in the statistics and the verdicts, for `run.py`."""

from bugs import Bug

FAILURES = "mae_bench/analysis/failures.py"
MODERATED = "mae_bench/analysis/moderated.py"
OF_CLAIMS = "tests/analysis/test_claims.py"
OF_STATS = "tests/analysis/test_stats.py"
OF_FAILURES = "tests/analysis/test_failures.py"
REFERENCE = "tests/reference/test_statistics.py"
BUGS = (
    Bug(
        "one_spread_for_claims_in_all_units",
        "Claims in points take their spread from claims in tokens.",
        "mae_bench/analysis/outcomes.py",
        "units = [q.unit for q in questions",
        "units = [0 for q in questions",
        (f"{OF_CLAIMS}::test_claims_in_another_unit_lend_no_spread",),
    ),
    Bug(
        "one_spread_for_pairs_in_all_units",
        "Of all pairs of arms, those on a task in points take their spread from one in nats.",
        "mae_bench/analysis/pairwise.py",
        'return measure.unit if measure else ""',
        'return ""',
        ("tests/analysis/test_pairwise.py::test_tasks_in_two_units_are_decided_as_claims_are",),
    ),
    Bug(
        "margin_sign",
        "The p of non-inferiority and of equivalence is taken at the wrong sign of the margin.",
        "mae_bench/analysis/stats.py",
        "raw = known.p_of_spread(column, margin)",
        "raw = known.p_of_spread(column, -margin)",
        (f"{OF_CLAIMS}::test_a_margin_is_tested_at_its_own_sign",),
    ),
    Bug(
        "plugged_in_spread",
        "Spreads are taken as alike whatever the family shows.",
        MODERATED,
        "_PRIOR_FREEDOM = 2.0 ** np.arange(8)",
        "_PRIOR_FREEDOM = 2.0 ** np.arange(7, 8)",
        (f"{REFERENCE}::test_moderated_p_is_an_integral_over_the_prior_of_the_spread",),
    ),
    Bug(
        "prior_counts_twice",
        "The degrees of freedom of the prior are left out of a shrunken variance.",
        MODERATED,
        "scales = np.sqrt(pooled / total / np.maximum(counts, 1)[..., None, None, :])",
        "scales = np.sqrt(pooled / of_column / np.maximum(counts, 1)[..., None, None, :])",
        (f"{REFERENCE}::test_moderated_p_is_an_integral_over_the_prior_of_the_spread",),
    ),
    Bug(
        "grid_width",
        "The values of s0 weigh alike however far apart they lie.",
        MODERATED,
        "joint += np.log(deviation)",
        "joint += 0 * np.log(deviation)",
        (f"{REFERENCE}::test_moderated_p_is_an_integral_over_the_prior_of_the_spread",),
    ),
    Bug(
        "cut_at_level",
        "A family-wise p below .05 decides, which errs too often where differences are skewed.",
        "mae_bench/analysis/stats.py",
        "CUT = 0.03 ",
        "CUT = 0.05 ",
        (f"{OF_STATS}::test_six_equal_differences_decide_nothing_and_seven_do",),
    ),
    Bug(
        "single_step",
        "Every hypothesis is adjusted for the whole family: Bonferroni in place of Holm.",
        "mae_bench/analysis/multiplicity.py",
        "factors = p.shape[-1] - np.arange(p.shape[-1])",
        "factors = p.shape[-1] - 0 * np.arange(p.shape[-1])",
        (f"{REFERENCE}::test_holm_against_its_definition",),
    ),
    Bug(
        "power_of_one",
        "The smallest detectable difference is that of one test alone, whatever its family.",
        "mae_bench/analysis/power.py",
        "size = np.log2(max(family, 1))",
        "size = 0.0",
        (f"{OF_STATS}::test_at_the_printed_effect_the_power_is_that_printed",),
    ),
    Bug(
        "normal_interval",
        "Intervals take the spread of six seeds as known.",
        "mae_bench/analysis/stats.py",
        "half = special.stdtrit(freedom, 1 - LEVEL / 2) * errors",
        "half = special.ndtri(1 - LEVEL / 2) * errors",
        (f"{OF_STATS}::test_intervals_of_means_cover_what_they_say",),
    ),
    Bug(
        "survivors_win",
        "A side wins by the runs that did not fail.",
        "mae_bench/analysis/outcomes.py",
        "if all(question.losses.are_equal for question in questions):",
        "if True:",
        (OF_FAILURES,),
    ),
    Bug(
        "failures_for_the_winner",
        "Lost runs count for the side that wins.",
        "mae_bench/analysis/pairs.py",
        "return self.worst if is_against else self.best",
        "return self.best if is_against else self.worst",
        (OF_FAILURES,),
    ),
    Bug(
        "failed_is_tied",
        "A winner's failed run is a tie and not the worst score.",
        FAILURES,
        "is_worst = is_one & winner.is_failed & np.isfinite(loser.values)",
        "is_worst = is_one & winner.is_failed & ~np.isfinite(loser.values)",
        (f"{OF_FAILURES}::test_lost_runs_count_against_the_winner",),
    ),
)
