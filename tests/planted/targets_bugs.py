"""Bugs of homes without their data, and of the table of speed targets; joined to `bugs.py`."""

from bugs import Bug

MOVED = "tests/e2e/test_moved_home.py"
TARGETS = "tests/house/test_targets.py"
BUGS = (
    Bug(
        "digests_forgotten",
        "A prepared home does not note what its tables of errors were read from.",
        "mae_bench/runner/noted_data.py",
        "yield table.source(task.language), set()",
        "pass",
        (f"{MOVED}::test_a_prepared_home_suffices",),
    ),
    Bug(
        "digests_fetched",
        "More of a set that a home was prepared from is fetched from the Hub under the local name.",
        "mae_bench/data/sources.py",
        "if data_dir is not None and _is_noted(source, [*source.splits, split], data_dir):",
        "if False:",
        (f"{MOVED}::test_more_of_a_set_that_is_not_there_is_no_other_set",),
    ),
    Bug(
        "target_erased",
        "A call without a card erases what was measured on one.",
        "benchmarks/speed/targets.py",
        'if "measured" in record or "measured" not in records.get(line.name, {}):',
        "if True:",
        (f"{TARGETS}::test_a_broken_bound_is_an_error_and_a_missing_card_erases_nothing",),
    ),
    Bug(
        "target_of_half_a_fight",
        "A fight that did not end counts as one that was quick.",
        "benchmarks/speed/readings.py",
        'if after["done"] < after["stages"]:',
        'if after["done"] < 0:',
        (f"{TARGETS}::test_minutes_of_a_fight_that_did_not_end_or_was_begun_before_do_not_count",),
    ),
)
