"""Bugs in which tasks of a study each protocol reads, and in who wins where."""

from bugs import Bug

_TEST = ("tests/planning/test_reading.py",)

BUGS = (
    Bug(
        "gap_where_nothing_was_asked",
        "A report shows pairs that the study does not ask for as gaps.",
        "mae_bench/analysis/scores.py",
        "if (task == CORPUS) == is_read and (protocol, task) not in self.unread",
        "if (task == CORPUS) == is_read",
        _TEST,
    ),
    Bug(
        "unread_task_passes",
        "A task that no protocol of the study reads is dropped in silence.",
        "mae_bench/planning/fitting.py",
        "if protocols and not any(task in tasks for tasks in read.values()):",
        "if not protocols:",
        _TEST,
    ),
    Bug(
        "claim_over_all_tasks",
        "A claim on one protocol is a mean over tasks that it does not read.",
        "mae_bench/planning/reading.py",
        "    return asked_tasks(study, protocol)\n\n\ndef tuned_tasks",
        "    return study.real_tasks\n\n\ndef tuned_tasks",
        _TEST,
    ),
    Bug(
        "winner_upside_down",
        "Where less is better, the worst arm is called the first.",
        "mae_bench/analysis/winners.py",
        "means = {arm: sign * cell.mean for",
        "means = {arm: cell.mean for",
        ("tests/analysis/test_winners.py",),
    ),
    Bug(
        "first_is_decided",
        "An arm that beats all but one is called decided.",
        "mae_bench/analysis/winners.py",
        "self.num_arms - 1",
        "self.num_arms - 2",
        ("tests/analysis/test_winners.py",),
    ),
    Bug(
        "floor_of_other_tasks",
        "A table lists floors that read none of its tasks.",
        "mae_bench/analysis/score_tables.py",
        "any((arm.label, t, setting) in scores.cells for t in scores.tasks_in(setting))",
        "bool(scores.tasks_in(setting))",
        _TEST,
    ),
)
