"""How the page is laid out: contents, short headings, wide tables on wide and narrow screens."""

import pytest
from page_rows import TASKS


def test_contents_lead_to_every_section(visit, report):
    page = visit(report)
    links = page.locator("nav a").evaluate_all("all => all.map(link => link.getAttribute('href'))")
    sections = page.locator("section:visible").evaluate_all("all => all.map(one => '#' + one.id)")
    assert links == sections and "#wins" in links


def test_headings_of_what_is_folded_are_short_and_differ(visit, report):
    page = visit(report)
    headings = page.locator("summary").all_inner_texts()
    assert "Where the winner changes" in headings and "Comparisons with mlm" in headings
    assert max(map(len, headings)) < 60
    assert len(set(headings)) == len(headings)


def test_a_figure_stands_with_the_table_of_its_setting(visit, report):
    page = visit(report)
    figures = page.locator("#scores figure").evaluate_all(
        "all => all.map(one => one.dataset.figure)"
    )
    slugs = page.locator("#scores [data-setting]").evaluate_all(
        "all => all.map(one => one.dataset.slug)"
    )
    assert figures[0] == slugs[0]
    assert page.locator("#scores [data-setting]").count() == len(TASKS)


@pytest.mark.parametrize(("width", "is_cut"), [(390, True), (1000, True), (1700, False)])
def test_a_wide_table_uses_the_window_or_says_that_it_scrolls(visit, report, width, is_cut):
    page = visit(report, width)
    scroll = page.locator("#details [data-slug=claims]")
    inside, whole = scroll.evaluate("one => [one.clientWidth, one.scrollWidth]")
    assert (whole > inside + 1) == is_cut
    hint = scroll.evaluate("one => getComputedStyle(one, '::before').content")
    assert ("Scroll sideways" in hint) == is_cut
    scroll.evaluate("one => { one.scrollLeft = 200; }")
    first = scroll.locator("tbody td").first.bounding_box()
    assert abs(first["x"] - scroll.bounding_box()["x"]) < 25
