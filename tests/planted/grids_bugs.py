"""Bugs of grids: which combinations are run, what is compared, what a factor is said to explain."""

from bugs import Bug

LISTS = "tests/planning/test_grid_lists.py"
PLAN = "tests/planning/test_grid_plan.py"
REPORT = "tests/analysis/test_grid_report.py"
EFFECTS = "tests/analysis/test_effects.py"
BUGS = (
    Bug(
        "zipped_as_product",
        "Fields that are zipped are run in every combination.",
        "mae_bench/specs/combinations.py",
        "fields = tuple(zip_of.get(name, (name,)))",
        "fields = (name,)",
        (f"{LISTS}::test_zip_takes_values_together",),
    ),
    Bug(
        "idle_exclusion",
        "An exclusion that matches nothing is passed over.",
        "mae_bench/specs/grid_points.py",
        "if not any(is_matched(_fields(entry), values) for values in combinations):",
        "if not combinations:",
        (f"{LISTS}::test_what_makes_no_grid_is_refused_in_one_sentence",),
    ),
    Bug(
        "points_of_the_first_recipe",
        "Every point is pretrained with the recipe of the first.",
        "mae_bench/planning/grid_lists.py",
        "return study.model_copy(update={**made, **plain,",
        'return study.model_copy(update={**made, "pretrain": study.pretrain, **plain,',
        (f"{PLAN}::test_a_point_is_the_study_with_its_values",),
    ),
    Bug(
        "left_out_arms_are_gaps",
        "An arm that the study leaves out at a point is compared there, and shown as not run.",
        "mae_bench/analysis/claims.py",
        "arms = [arm for arm in compared if scores.is_asked(arm, setting)]",
        "arms = compared",
        (f"{REPORT}::test_an_arm_left_out_by_the_study_is_no_gap",),
    ),
    Bug(
        "noise_explained_by_factors",
        "What noise adds to means is counted as explained by the factors.",
        "mae_bench/analysis/effects.py",
        "return float((mean @ mean - noise) / num_cells)",
        "return float((mean @ mean - 0 * noise) / num_cells)",
        (f"{EFFECTS}::test_shares_are_unbiased_and_noise_alone_is_near_nothing",),
    ),
    Bug(
        "factors_take_what_they_share",
        "With gaps a factor is credited with what it shares with the others.",
        "mae_bench/analysis/effects.py",
        "if term == REST or not set(term) <= set(other):",
        "if term == REST or len(other) < len(term):",
        (
            f"{EFFECTS}::test_with_gaps_a_term_is_what_it_explains_beyond_those_that_do_not_contain_it",
        ),
    ),
)
