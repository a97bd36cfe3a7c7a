"""Bugs in what is told before a run, and of choices at the edge of a search, for `run.py`."""

from bugs import Bug

TUNING_EDGES = "tests/tuning/test_tuning_edges.py"
WARNINGS = "tests/planning/test_warnings.py"
PLAN = "tests/planning/test_plan.py"
BUGS = (
    Bug(
        "edge_not_log",
        "The edge of a range that is drawn in logarithms is measured in plain numbers.",
        "mae_bench/tuning/edges.py",
        "if distribution.log:",
        "if not distribution:",
        (f"{TUNING_EDGES}::test_a_value_near_an_end_of_its_search_is_at_an_edge",),
    ),
    Bug(
        "edge_of_first_trial",
        "The edges that a tuning keeps are those of its first trial, not of the chosen one.",
        "mae_bench/tuning/rounds.py",
        "search_edges(drawn[best.number])",
        "search_edges(drawn[0])",
        (f"{TUNING_EDGES}::test_the_edges_kept_are_those_of_the_best_trial",),
    ),
    Bug(
        "edge_one_sided",
        "A choice at the lower end of its search is not flagged.",
        "mae_bench/tuning/edges.py",
        'return "lowest" if position <= share else "highest" if',
        'return "highest" if',
        (f"{TUNING_EDGES}::test_a_value_near_an_end_of_its_search_is_at_an_edge",),
    ),
    Bug(
        "no_margin",
        "A claim of non-inferiority without a margin is taken with margin 0.",
        "mae_bench/planning/claims.py",
        "if claim.test in why and claim.margin == 0:",
        'if claim.test == "equivalence" and claim.margin == 0:',
        (f"{PLAN}::test_a_test_against_a_margin_has_one",),
    ),
    Bug(
        "margin_of_nothing",
        "A margin of 0 that is written down is taken.",
        "mae_bench/planning/claims.py",
        "if claim.test in why and claim.margin == 0:",
        'if claim.test in why and "margin" not in claim.model_fields_set:',
        (f"{PLAN}::test_a_test_against_a_margin_has_one",),
    ),
    Bug(
        "sizes_untold",
        "Train sizes above the data of a task that is not prepared are not told.",
        "mae_bench/planning/train_sizes.py",
        "if not is_by_class and max(counts) <= MAX_LOST_RATIO * official:",
        "if official:",
        (f"{WARNINGS}::test_sizes_above_the_data_are_warned_of_before_anything_is_prepared",),
    ),
    Bug(
        "sizes_of_whole_split",
        "The training examples of a task are counted with those of its selection part.",
        "mae_bench/tasks/build.py",
        'return [row.label for row in parts["train"]]',
        'return [row.label for row in parts["train"] + parts["selection"]]',
        (f"{WARNINGS}::test_the_warning_before_is_that_of_the_prepared_task",),
    ),
)
