"""Planted bugs of the first screen: who leads, what warns, which side is likelier."""

from bugs import Bug

BUGS = (
    Bug(
        "inside_is_won",
        "The first screen lets arms win at what measures the inside of an encoder.",
        "mae_bench/analysis/leads.py",
        "if one.protocol not in scores.corpus_protocols",
        "if one.protocol",
        ("tests/analysis/test_first_screen.py::test_what_reads_the_corpus_is_won_by_nobody",),
    ),
    Bug(
        "no_warning_at_edges",
        "No warning where every choice lies at the edge of its grid.",
        "mae_bench/analysis/cautions.py",
        "if 2 * len(ends) > len(group):",
        "if len(ends) > len(group):",
        (
            "tests/analysis/test_first_screen.py"
            "::test_floors_and_edges_are_said_before_the_answer_is_believed",
        ),
    ),
    Bug(
        "unlikelier_side",
        "An undecided claim names the worse side as better.",
        "mae_bench/analysis/why.py",
        "arm, probability = other, 1 - probability",
        "probability = 1 - probability",
        ("tests/analysis/test_first_screen.py::test_an_undecided_claim_has_its_reason",),
    ),
)
