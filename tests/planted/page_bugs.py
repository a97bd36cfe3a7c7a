"""Bugs in the report page, its data and its script, for `run.py`; two of them need a Chromium."""

from bugs import Bug

BUGS = (
    Bug(
        "data_ends_its_element",
        "A label that holds the end of a script element ends that of the page's data.",
        "mae_bench/analysis/page_data.py",
        'return text.replace("<", "\\\\u003c")',
        "return text",
        ("tests/analysis/test_page_script.py::test_only_this_script_runs",),
    ),
    Bug(
        "pairs_forget_lost_runs",
        "All pairs at once are decided as if failed and collapsed runs were chance.",
        "mae_bench/analysis/pairwise.py",
        "return values, np.where(are_equal, values, worst), np.where(are_equal, values, best)",
        "return values, values, values",
        ("tests/analysis/test_pairwise.py",),
    ),
    Bug(
        "page_without_end",
        "The page holds every setting, however many there are.",
        "mae_bench/analysis/page_data.py",
        "if settings and num_bytes > MAX_BYTES:",
        "if settings and num_bytes > 1e12:",
        ("tests/analysis/test_page_script.py::test_settings_are_embedded_until_the_page_is_full",),
    ),
    Bug(
        "page_interval_of_fewer_pairs",
        "The script takes Student's quantile of one pair less.",
        "mae_bench/analysis/templates/script/statistics.js",
        "const half = quantiles[n] *",
        "const half = (quantiles[n - 1] ?? 0) *",
        ("tests/page/test_compare.py::test_any_arm_as_the_baseline",),
    ),
    Bug(
        "csv_with_formulas",
        "A label that begins like a formula is one in the spreadsheet.",
        "mae_bench/analysis/templates/script/saving.js",
        """? "'" + plain : plain;""",
        "? plain : plain;",
        ("tests/page/test_saving.py::test_a_grid_has_a_line_for_each_arm_and_task",),
    ),
)
