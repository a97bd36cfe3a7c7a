"""Bugs in what is refused early: scores that are no numbers, sources without text."""

from bugs import Bug

SCORES = "tests/protocols/test_scores.py"
SOURCES = "tests/data/test_empty_sources.py"
WARNINGS = "tests/planning/test_warnings.py"
BUGS = (
    Bug(
        "nan_scores",
        "A metric that is not a finite number is compared with others and written.",
        "mae_bench/protocols/scoring.py",
        "if not math.isfinite(value):",
        "if False:",
        (f"{SCORES}::test_a_failing_metric_of_another_package_is_named",),
    ),
    Bug(
        "nameless_metric",
        "A metric that raises is reported without its name and its task.",
        "mae_bench/protocols/scoring.py",
        'raise _failure(task, name, f"raised {type(error).__name__}: {error}") from error',
        "raise",
        (f"{SCORES}::test_a_failing_metric_of_another_package_is_named",),
    ),
    Bug(
        "nameless_protocol",
        "A protocol of another package writes a metric that is no number.",
        "mae_bench/protocols/base.py",
        "if not math.isfinite(value):",
        "if False:",
        (f"{SCORES}::test_a_protocol_that_measures_no_number_is_named",),
    ),
    Bug(
        "blank_is_text",
        "A file of blank lines passes for a corpus.",
        "mae_bench/data/files.py",
        "any(text.strip() for text in read_documents(file))",
        "any(True for text in read_documents(file))",
        (f"{SOURCES}::test_a_file_without_text_is_refused",),
    ),
    Bug(
        "empty_corpus_planned",
        "A study whose corpus is an empty file is planned.",
        "mae_bench/planning/plan.py",
        "    require_text(study.corpus)\n",
        "",
        (f"{SOURCES}::test_a_plan_refuses_it",),
    ),
    Bug(
        "sizes_unchecked_in_silence",
        "Of a task that is still to be fetched, no word is said about its train sizes.",
        "mae_bench/planning/train_sizes.py",
        "            unread.append(stage.label)",
        "            pass",
        (f"{WARNINGS}::test_sizes_above_the_data_are_warned_of_before_anything_is_prepared",),
    ),
)
