"""Bugs in the study reference and the public functions, for `run.py`."""

from bugs import Bug

BUGS = (
    Bug(
        "meaning_of_another_key",
        "Keys with another name in Python lose their meaning.",
        "mae_bench/sentences.py",
        'meaning = meanings.get(field_name, "")',
        'meaning = meanings.get(name, "")',
        ("tests/house/test_study_reference.py::test_every_key_has_a_meaning_and_an_example",),
    ),
    Bug(
        "plan_forgets_warnings",
        "A plan made from Python leaves out the warnings of the plan.",
        "mae_bench/api.py",
        "warnings = [*made.warnings, *prepared_warnings(",
        "warnings = [*prepared_warnings(",
        ("tests/cli/test_cli.py::test_plan_tells_what_it_takes_and_writes_nothing",),
    ),
)
