"""Bugs of the times that plans promise; joined to the list of `bugs.py`."""

from bugs import Bug

FORECAST = "tests/planning/test_forecast.py"
SAMPLES = "tests/runner/test_calibrating.py"
BUGS = (
    Bug(
        "any_machine",
        "A home that was carried here promises the times of the machine that it came from.",
        "mae_bench/planning/forecast.py",
        'if about.get("machine") == machine.key:',
        'if about.get("machine"):',
        (f"{FORECAST}::test_finished_stages_of_this_machine_come_before_a_calibration",),
    ),
    Bug(
        "budget_in_the_sort",
        "A pretraining that was timed says nothing of the same one with a longer budget.",
        "mae_bench/planning/sorts.py",
        'recipe.pop("budget", None)',
        'recipe.get("budget", None)',
        (f"{FORECAST}::test_seeds_are_of_one_sort_and_arms_differ_in_their_pretraining_alone",),
    ),
    Bug(
        "calibration_forgets",
        "Calibrating one study throws away what was timed of another.",
        "mae_bench/planning/calibration.py",
        "timings = {**(before.timings if before else {}), **new.timings}",
        "timings = {**new.timings}",
        (f"{FORECAST}::test_a_new_calibration_keeps_the_timings_of_other_studies",),
    ),
    Bug(
        "workers_never_wait",
        "A schedule starts stages before those that they need are over.",
        "mae_bench/planning/schedule.py",
        "ready = [number for number, needs in enumerate(waits_for) if not needs]",
        "ready = [number for number, needs in enumerate(waits_for)]",
        (
            f"{FORECAST}::test_a_schedule_is_that_of_workers_that_take_the_first_stage_that_is_ready",
        ),
    ),
    Bug(
        "slow_start_counts",
        "A rate is read from the slow first steps, too.",
        "mae_bench/runner/samples.py",
        "return (last_s - first_s) / (last - first)",
        "return last_s / last",
        (f"{SAMPLES}::test_the_rest_is_told_from_the_rate_after_the_first_report",),
    ),
)
