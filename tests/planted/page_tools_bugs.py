"""Bugs in the tables, figures and interactions of the page."""

from bugs import Bug

SPOTS = "tests/analysis/test_spots.py"
BUGS = (
    Bug(
        "statistics_are_wins",
        "Statistics of representations count as wins in the sum over settings.",
        "mae_bench/analysis/templates/script/wins.js",
        "const scored = data.settings.filter((setting) => !setting.isOfCorpus);",
        "const scored = data.settings;",
        ("tests/page/test_corpus_settings.py::test_a_statistic_of_representations_is_no_win",),
    ),
    Bug(
        "missing_sorts_as_a_number",
        "'6 of 6 never' sorts as 6.",
        "mae_bench/analysis/templates/script/sorting.js",
        "if (isMissing(data, text)) return null;",
        "",
        ("tests/page/test_sorting.py::test_numbers_sort_by_size_and_what_is_missing_stays_last",),
    ),
    Bug(
        "arrows_go_up",
        "The marks of a panel are walked over from its bottom to its top.",
        "mae_bench/analysis/spots.py",
        "marks.sort(key=lambda spot: spot.y)",
        "marks.sort(key=lambda spot: -spot.y)",
        (f"{SPOTS}::test_marks_run_from_top_to_bottom_and_read_as_tables_do",),
    ),
    Bug(
        "two_oranges",
        "Two colours look alike on a dark page.",
        "mae_bench/analysis/plots.py",
        '"#cc79a7", "#5a3d28", "#7e2954"',
        '"#cc79a7", "#d55e00", "#7e2954"',
        ("tests/analysis/test_figure_style.py::test_arms_are_told_apart_on_a_dark_page_too",),
    ),
)
