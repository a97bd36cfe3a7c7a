"""A command line that cannot be read is refused in one sentence, the nearest known name first."""

import pytest

from mae_bench.cli import app, main

CASES = {
    "a text for a number": (
        "plan s.yaml --workers two",
        "--workers must be a whole number, got 'two'",
    ),
    "a fraction": ("run s.yaml --workers=1.5", "--workers must be a whole number, got '1.5'"),
    "verb": ("pln s.yaml", "unknown verb 'pln'. Did you mean 'plan'? Verbs: list, plan, "),
    "no verb like it": ("xyzzy", "unknown verb 'xyzzy'. Verbs: list, plan, "),
    "flag": (
        "plan s.yaml --worker 2",
        "unknown flag '--worker' of 'plan'. Did you mean '--workers'? It takes --set, ",
    ),
    "flag of a study": ("run s.yaml --mask-ratio .5", "unknown flag '--mask-ratio' of 'run'."),
    "short flag": ("plan s.yaml -o out", "unknown flag '-o' of 'plan'."),
    "flag before the verb": ("--home x plan", "unknown flag '--home' before the verb; flags stand"),
    "no value": ("plan s.yaml --workers", "--workers needs a value"),
    "a value of a switch": ("plan s.yaml --json=1", "--json takes no value; leave it out"),
    "no study": ("plan", "'plan' needs STUDY: A YAML file, or a name that `list suites` shows"),
    "no tasks": ("evaluate folder", "'evaluate' needs --tasks A,B: Names that `list tasks`"),
    "no part": ("check", "'check' needs NAME: "),
    "too many": ("list tasks noises", "'list' takes no further argument, got 'noises'"),
    "an empty folder": ("plan s.yaml --home=", "--home is empty; name a folder, or leave"),
}


def ended(capsys, *arguments):
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    return ending.value.code, *capsys.readouterr()


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_command_line_is_one_sentence(case, capsys):
    line, sentence = CASES[case]
    code, out, err = ended(capsys, *line.split())
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {sentence}") and err.count("\n") == 1


def test_every_verb_refuses_flags_that_are_nearly_its_own(capsys):
    for verb in app.registered_commands:
        name = verb.name or verb.callback.__name__
        code, _, err = ended(capsys, name, "--helpp")
        assert code == 2 and err.startswith(f"error: unknown flag '--helpp' of '{name}'."), err


def test_no_verb_shows_the_verbs(capsys):
    code, out, err = ended(capsys)
    assert (code, err) == (2, "") and "quickstart" in out
    assert ended(capsys, "--help")[0] == 0
