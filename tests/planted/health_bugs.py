"""Bugs of the health of pretrainings; joined to the list of `bugs.py`."""

from bugs import Bug

TESTS = "tests/analysis/test_pretraining_health.py"
BUGS = (
    Bug(
        "left_by_one_batch",
        "One low point of a curve counts as having left the plateau.",
        "mae_bench/plateau.py",
        "        if not is_below:\n            left = None\n        elif left is None:",
        "        if is_below and left is None:",
        (f"{TESTS}::test_a_run_leaves_once_and_for_good",),
    ),
    Bug(
        "collapsed_is_sound",
        "Collapsed runs are not counted.",
        "mae_bench/analysis/health.py",
        'for name in ("collapsed", "flat", "near")}',
        'for name in ("flat", "near")}',
        (f"{TESTS}::test_the_table_counts_runs_by_how_they_ended",),
    ),
    Bug(
        "copying_is_reading",
        "A loss that copying visible tokens reaches counts as having left the plateau.",
        "mae_bench/pretraining/landmark.py",
        "return place_entropy(count_tokens(data.rows, data.vocab_size)[len(SPECIAL) :], places)",
        "return data.unigram_entropy",
        ("tests/protocols/test_learning_curve.py",),
    ),
    Bug(
        "worthless_pretraining_unsaid",
        "No warning where no pretrained arm is above the untrained one.",
        "mae_bench/analysis/cautions.py",
        "        if nowhere:",
        "        if len(nowhere) > 1:",
        (
            "tests/analysis/test_first_screen.py"
            "::test_a_pretraining_that_is_worth_nothing_is_said_first",
        ),
    ),
)
