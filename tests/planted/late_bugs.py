"""Bugs in detection, in a user's files of other kinds, and in tasks that train on another one."""

from bugs import Bug

BUGS = (
    Bug(
        "ties_are_detected",
        "What is tied with the threshold counts as detected, so that a constant detects all.",
        "mae_bench/tasks/metrics/detection.py",
        "predictions[labels == 1] > threshold",
        "predictions[labels == 1] >= threshold",
        ("tests/reference/test_detection_metrics.py::test_what_is_tied_is_no_detection",),
    ),
    Bug(
        "contexts_apart",
        "A context that is trained on stands in the carved test with another question.",
        "mae_bench/data/own_files.py",
        "if source.kept_together is not None:",
        "if False:",
        ("tests/tasks/test_own_kinds.py::test_questions_on_one_text_stay_in_one_part",),
    ),
    Bug(
        "chosen_on_the_target",
        "A transfer trains on the task that it is tested on.",
        "mae_bench/tasks/train_task.py",
        "name=name, train_task=train,",
        "name=name, train_task=test,",
        (
            "tests/tasks/test_transfer.py::"
            "test_it_trains_and_chooses_on_the_first_and_tests_on_the_second",
        ),
    ),
)
