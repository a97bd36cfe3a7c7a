"""Bugs of own files of every kind, and of results that no label moves."""

from bugs import Bug

OWN = "tests/tasks/test_own_kinds.py"
UNLABELLED = "tests/analysis/test_unlabelled.py"
BUGS = (
    Bug(
        "silent_answers",
        "Answers that are not in their context leave a user's own task unsaid.",
        "mae_bench/tasks/own.py",
        '{classes}{how}{left_out}"',
        '{classes}{how}"',
        (f"{OWN}::test_an_answer_that_is_not_in_its_context_is_counted_and_said",),
    ),
    Bug(
        "sizes_of_no_label",
        "A zero-shot result is sought under each train size, and the report says it was not run.",
        "mae_bench/analysis/rows.py",
        '(("all",) if protocol in unlabelled else study.train_sizes)',
        "study.train_sizes",
        (UNLABELLED,),
    ),
)
