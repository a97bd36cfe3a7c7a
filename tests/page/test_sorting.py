"""Sorting a column of the page: intervals by their lower end, what has no value always last."""

import pytest

from mae_bench.measures import MINUS

LINES = """([name, texts]) => {
  const table = document.querySelector("[data-slug=costs] > table");
  const index = [...table.tHead.rows[0].cells].findIndex(cell => cell.innerText.includes(name));
  [...table.tBodies[0].rows].forEach((row, at) => { row.cells[index].textContent = texts[at]; });
  return index;
}"""


def shown(page, index):
    """Return the texts of a column as they stand."""
    return page.locator("[data-slug=costs] tbody tr").evaluate_all(
        "(rows, index) => rows.map(row => row.cells[index].textContent)", index
    )


@pytest.mark.parametrize(
    ("texts", "falling"),
    [
        (
            ["none", "[-1.0, +2.0]", "[+10.5, +11.0]", "not run", "[+2.0, +3.0]", "unknown"],
            ["[+10.5, +11.0]", "[+2.0, +3.0]", "[-1.0, +2.0]", "none", "not run", "unknown"],
        ),
        (
            ["6 of 6 never", "839 k (688 k to 1.01 M), 1 of 6 never", "none", "1.2 M (1 M to 2 M)",
             "no landmark", "702 k"],
            ["1.2 M (1 M to 2 M)", "839 k (688 k to 1.01 M), 1 of 6 never", "702 k",
             "6 of 6 never", "none", "no landmark"],
        ),
        (
            ["-1,200.0", "failed (2 of 6)", "1,100.0", "-3.0", "incomplete", "20.0"],
            ["1,100.0", "20.0", "-3.0", "-1,200.0", "failed (2 of 6)", "incomplete"],
        ),
    ],
)  # fmt: skip
def test_numbers_sort_by_size_and_what_is_missing_stays_last(visit, report, texts, falling):
    texts, falling = ([t.replace("-", MINUS) for t in part] for part in (texts, falling))
    page = visit(report)
    index = page.evaluate(LINES, ["seconds", texts])
    button = page.locator("[data-slug=costs] thead th").nth(index).get_by_role("button")
    num_missing = 3 if "6 of 6 never" in texts or "unknown" in texts else 2
    values = falling[:-num_missing]
    button.click()
    assert shown(page, index) == falling
    button.click()
    assert shown(page, index) == [*values[::-1], *falling[-num_missing:]]
    button.click()
    assert shown(page, index) == texts


def test_words_sort_by_the_alphabet_and_what_is_missing_stays_last(visit, report):
    page = visit(report)
    index = page.evaluate(
        LINES, ["seconds", ["sound", "none", "2 collapsed", "flat", "unknown", "flat"]]
    )
    button = page.locator("[data-slug=costs] thead th").nth(index).get_by_role("button")
    button.click()
    assert shown(page, index) == ["2 collapsed", "flat", "flat", "sound", "none", "unknown"]
    button.click()
    assert shown(page, index) == ["sound", "flat", "flat", "2 collapsed", "none", "unknown"]
