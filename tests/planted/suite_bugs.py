"""Bugs in how FLOPs are counted and priced, and in how a verb ends, for `run.py`."""

from bugs import Bug

BUGS = (
    Bug(
        "one_count_for_all",
        "The contract takes what the first step costs for what every step costs.",
        "mae_bench/contract/objective.py",
        "form = repr(view)",
        'form = ""',
        ("tests/contract/test_check.py::test_steps_of_another_form_are_counted_apart",),
    ),
    Bug(
        "priced_by_scheme",
        "A mae whose scheme is not random is priced at one more token removed.",
        "mae_bench/objectives/mae.py",
        "        removed = num_hidden(length, ratio)\n        width = options.width(spec)",
        '        removed = num_hidden(length, ratio) + (options.masking.scheme != "random")\n'
        "        width = options.width(spec)",
        (
            "tests/contract/test_masking_contract.py"
            "::test_every_scheme_trains_reloads_and_costs_what_random_does",
        ),
    ),
    Bug(
        "interrupted_as_failed",
        "A verb that was interrupted ends with the exit code of one that failed.",
        "mae_bench/cli/interrupts.py",
        "raise typer.Exit(130) from None",
        "raise typer.Exit(1) from None",
        ("tests/e2e/test_resume.py::test_interrupted_it_ends_cleanly_and_says_how_to_go_on",),
    ),
)
