"""What a reader saves of a table: numbers in columns of their own, no formulas, no two alike."""

import csv
import re

from page_rows import ARMS, EVIL, TASKS

SETTINGS = ("finetune, 200 labels, clean", "finetune, 50 labels, clean")


def saved(page, area):
    """Return name, heading and lines of the CSV of the first table of an area."""
    with page.expect_download() as waiting:
        area.get_by_role("button", name="CSV").first.click()
    text = waiting.value.path().read_text("utf-8")
    head, *lines = csv.reader(text.splitlines())
    return waiting.value.suggested_filename, head, lines


def test_the_csv_of_scores_is_what_is_on_the_screen(visit, report):
    page = visit(report)
    scores = page.locator("#scores")
    table = scores.locator("[data-setting='0'] > table")
    table.locator("thead th").nth(1).get_by_role("button").click()
    tools = scores.locator(".tools").first
    tools.get_by_role("searchbox").fill("S")
    assert tools.locator("output").inner_text() == "3 of 6 lines"
    name, head, lines = saved(page, tools)
    assert re.fullmatch(r"small-scores-.*\.csv", name)
    shown = table.locator("tbody tr:not([hidden])").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )
    headings = table.locator("thead th").all_inner_texts()
    assert head[:4] == ["setting", "arm", headings[1], f"{headings[1]}: ±"]
    assert [line[0] for line in lines] == [SETTINGS[0]] * 3
    for line, cells in zip(lines, shown, strict=True):
        mean, _, half = cells[1].partition(" ± ")
        assert line[1].removeprefix("'") == cells[0] and line[2:4] == [mean, half]
    assert "mlm" not in [line[1] for line in lines]


def test_a_filter_that_leaves_no_line_says_so(visit, report):
    page = visit(report)
    scores = page.locator("#scores")
    scores.get_by_role("searchbox").first.fill("nobody is called so")
    assert scores.locator("[data-setting='0'] tbody tr:not([hidden])").count() == 0
    assert scores.get_by_text("No line holds “nobody is called so”.").is_visible()
    scores.get_by_role("searchbox").first.fill("m")
    assert not scores.get_by_text("No line holds").is_visible()


def test_a_grid_has_a_line_for_each_arm_and_task(visit, report):
    page = visit(report)
    name, head, lines = saved(page, page.locator("#against"))
    assert name == "small-against-mlm-finetune-200-labels-clean.csv"
    columns = ["arm", "task", "outcome", "difference", "low", "high", "notes"]
    assert head == ["control", "setting", *columns]
    assert {(line[0], line[1]) for line in lines} == {("mlm", SETTINGS[0])}
    assert len(lines) == (len(ARMS) - 1) * (len(TASKS) + 1)
    numbers = {(line[2], line[3]): line[4:] for line in lines}
    word, *values, _ = numbers["mae", "sst2"]
    difference, low, high = map(float, values)
    assert word == "wins" and 0 < low < difference < high
    assert numbers["mlm", "sst2"][:4] == ["control", "", "", ""]
    assert f"'{EVIL}" in [line[2] for line in lines]
    fields = [field for line in lines for field in line]
    assert not any(field[:1] in ("=", "@") for field in fields)


def test_no_two_downloads_have_one_name(visit, report):
    page = visit(report)
    names = [saved(page, page.locator("#against"))[0]]
    controls = page.locator("#verdict .controls")
    for baseline in ("mae", "mlm"):
        for setting in SETTINGS:
            controls.get_by_label("Control").select_option(label=baseline)
            controls.get_by_label("Setting").select_option(label=setting)
            if (baseline, setting) != ("mlm", SETTINGS[0]):
                name, _, lines = saved(page, page.locator("#compared"))
                names.append(name)
                assert lines[0][:2] == [baseline, setting]
    page.get_by_role("button", name="simcse against mae: ").click()
    names += [saved(page, page.locator("#wins > div").nth(index))[0] for index in (1, 3)]
    assert len(set(names)) == len(names) == 6


def test_wins_and_intervals_are_numbers_of_their_own(visit, report):
    page = visit(report)
    page.get_by_role("button", name="simcse against mae: ").click()
    _, head, lines = saved(page, page.locator("#wins > div").nth(3))
    assert head[:4] == ["arm", "control", "task", "setting"]
    assert head[4:8] == ["outcome", "difference", "95% interval: low", "95% interval: high"]
    for line in lines:
        assert line[:2] == ["simcse", "mae"] and line[4] in ("wins", "loses")
        assert float(line[6]) < float(line[5]) < float(line[7])
    _, head, lines = saved(page, page.locator("#wins > div").nth(1))
    assert head[2:5] == ["random_init: wins", "random_init: loses", "random_init: undecided"]
    assert all(line[2].isdigit() or line[2] == "" for line in lines)
