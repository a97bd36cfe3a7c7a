"""Bugs in where workers run: shards, looks for work, what is heard from elsewhere, tracking."""

from bugs import Bug

BUGS = (
    Bug(
        "shards_by_evaluation",
        "Shards share out evaluations, so that each pretrains what the others pretrain, too.",
        "mae_bench/planning/shard.py",
        "self.takes(stage.checkpoint or stage.key)",
        "self.takes(stage.key)",
        (
            "tests/planning/test_shard.py::"
            "test_every_checkpoint_and_evaluation_is_of_one_shard_with_all_that_it_needs",
        ),
    ),
    Bug(
        "looks_from_the_front",
        "After every stage a worker asks again for all that others hold.",
        "mae_bench/runner/work.py",
        "if self.work_on(self.near) or self.work_on(self.ahead):",
        "if self.work_on(self.near):",
        ("tests/runner/test_work.py::test_what_others_hold_is_not_asked_for_after_every_stage",),
    ),
    Bug(
        "half_a_line",
        "A stage whose line was half written at one look is not heard of at the next.",
        "mae_bench/runner/executors/home_log.py",
        "self.position += len(whole) + len(newline)",
        "self.position += len(text)",
        (
            "tests/runner/test_executors.py::"
            "test_ends_elsewhere_are_heard_once_through_the_log_of_the_home",
        ),
    ),
    Bug(
        "unseen_device",
        "A worker of a cluster is told cuda and computes on whatever its machine has.",
        "mae_bench/runner/executors/base.py",
        "            chosen_device(self.settings.device)\n",
        "            pass\n",
        (
            "tests/runner/test_executors.py::"
            "test_a_worker_elsewhere_refuses_a_device_that_its_machine_lacks",
        ),
    ),
    Bug(
        "silent_tracker",
        "A tracker that ends with an error is never reported.",
        "mae_bench/runner/tracking.py",
        "if self.process.returncode or broken:",
        "if broken:",
        ("tests/runner/test_tracking.py::test_a_tracker_that_fails_is_one_warning",),
    ),
)
