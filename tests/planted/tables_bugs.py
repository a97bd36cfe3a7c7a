"""Bugs in tables for papers, in the looks of arms, in plain words and in the messages."""

from bugs import Bug

BEST = "tests/analysis/test_best.py"
BUGS = (
    Bug(
        "ties_forgotten",
        "Only the best mean is bold, though others are not shown to differ from it.",
        "mae_bench/analysis/best.py",
        "if shared[arm] >= MIN_SEEDS and (first, arm) not in decided",
        "if arm == first",
        (f"{BEST}::test_ties_are_the_arms_that_no_verdict_tells_from_the_best",),
    ),
    Bug(
        "highest_perplexity",
        "The best is the highest mean, also of a perplexity.",
        "mae_bench/analysis/best.py",
        "scores.measure(name, setting).sign * scores.values(arm, name, setting)",
        "scores.values(arm, name, setting)",
        (f"{BEST}::test_of_perplexity_the_lowest_is_the_best",),
    ),
    Bug(
        "colours_of_rows",
        "An arm's colour follows from the arms that have rows, not from the study.",
        "mae_bench/analysis/rows.py",
        "rank = compared.index(label) if role in COMPARED else 0",
        "rank = sum(map(len, roles.values())) if role in COMPARED else 0",
        (
            "tests/analysis/test_figure_style.py::"
            "test_an_arm_keeps_its_looks_when_others_have_no_rows_yet",
        ),
    ),
    Bug(
        "dated_pdf",
        "A PDF holds the time at which it was written.",
        "mae_bench/analysis/plots.py",
        'dict.fromkeys(("CreationDate", "Creator", "Producer"))',
        'dict.fromkeys(("Creator", "Producer"))',
        ("tests/analysis/test_figure_style.py::test_pdfs_have_no_date_and_the_same_bytes",),
    ),
    Bug(
        "losses_in_words_are_wins",
        "The paragraph in plain words calls a refuted comparison better.",
        "mae_bench/analysis/plain_words.py",
        'better, worse = where.get("supported"), where.get("refuted")',
        'worse, better = where.get("supported"), where.get("refuted")',
        ("tests/analysis/test_plain_words.py::test_who_won_where_how_sure_and_at_what_cost",),
    ),
)
