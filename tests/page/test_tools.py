"""The page as a reader uses it: tables, values, costs, keyboard, phone, dark, without a script."""

import json
import re

import numpy as np
import pytest
from page_rows import ARMS, EVIL, SEEDS

from mae_bench.analysis.rows import read_scores
from mae_bench.analysis.scores import aggregate
from mae_bench.measures import MINUS, Measure


def column(page, table, index):
    """Return the texts of a column, as they stand."""
    return table.locator("tbody tr").evaluate_all(
        "(rows, index) => rows.filter(row => !row.hidden).map(row => row.cells[index].textContent)",
        index,
    )


def scores_table(page):
    return page.locator("#scores [data-setting='0'] > table")


def test_text_from_data_is_text(visit, report):
    page = visit(report)
    assert page.locator("#against .grid th", has_text="onerror").inner_text() == EVIL
    assert page.evaluate("window.isHit") is None
    assert page.locator("img[onerror]").count() == 0
    assert page.get_by_text("mae <b>beats</b> mlm").first.is_visible()


def test_without_a_script_everything_can_be_read(visit, report):
    page = visit(report, has_script=False)
    assert page.locator("#against .grid").is_visible()
    assert "wins" in page.locator("#against .grid").inner_text()
    assert page.locator("#cost-figures img").is_visible()
    assert page.locator("#wins").is_hidden()
    assert page.locator("button, select, input").count() == 0


def test_a_heading_sorts_by_key_and_restores(visit, report):
    page = visit(report)
    table = scores_table(page)
    before = column(page, table, 0)
    assert set(before) == {"majority class", *ARMS}
    heading = table.locator("thead th").nth(1)
    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    values = [float(text.split()[0]) for text in column(page, table, 1)]
    assert values == sorted(values, reverse=True) and len(set(values)) > 4
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert column(page, table, 0) != before
    page.keyboard.press("Space")
    assert heading.get_attribute("aria-sort") == "none"
    assert column(page, table, 0) == before
    first = table.locator("thead th").nth(0)
    first.get_by_role("button").click()
    assert column(page, table, 0) == sorted(before, key=str.lower)


def test_costs_sort_by_size_and_what_has_none_comes_last(visit, report):
    page = visit(report)
    table = page.locator("[data-slug=costs] > table")
    index = table.locator("thead th").all_inner_texts().index("FLOPs")
    button = table.locator("thead th").nth(index).get_by_role("button")
    for way in (-1, 1):
        button.click()
        texts = column(page, table, index)
        numbers = [float(text.split()[0]) for text in texts if text != "none"]
        assert numbers == sorted(numbers, key=lambda value: way * value) and len(numbers) == 4
        assert texts[-2:] == ["none", "none"]


def test_a_score_shows_its_seeds(visit, report, rows, study):
    page = visit(report)
    line = scores_table(page).locator("tbody tr", has_text="simcse")
    line.locator("td").first.hover()
    tip = page.locator("#tip")
    tip.wait_for(state="visible")
    scores = read_scores(rows, study)
    values = scores.values("simcse", "sst2", scores.reference)
    seeds = ", ".join(
        f"{seed}: {100 * value:.1f}" for seed, value in zip(SEEDS, values, strict=True)
    )
    assert tip.inner_text().endswith(f"by seed: {seeds}")
    page.keyboard.press("Escape")
    assert not tip.is_visible()


def test_a_score_that_is_not_there_has_no_unit(visit, report, tmp_path):
    html = report.read_text("utf-8")
    text = re.search(r'id="data">(.*?)</script>', html, re.DOTALL)[1]
    data = json.loads(text)
    labels = [arm["label"] for arm in data["arms"]]
    data["settings"][0]["cells"][0][labels.index("simcse")] = None
    changed = json.dumps(data).replace("<", "\\u003c")
    path = tmp_path / "index.html"
    path.write_text(html.replace(text, changed), "utf-8")
    page = visit(path)
    scores_table(page).locator("tbody tr", has_text="simcse").locator("td").first.hover()
    tip = page.locator("#tip")
    tip.wait_for(state="visible")
    assert tip.inner_text().startswith("simcse, sst2: none\nby seed: 0: none, ")


def test_marks_of_a_figure_are_read_with_arrow_keys(visit, report, rows, study):
    page = visit(report)
    holder = page.locator("figure[data-figure^=differences] .spots")
    holder.focus()
    texts = []
    for _ in range(12):
        page.keyboard.press("ArrowRight")
        texts.append(page.locator("#tip").inner_text())
    scores = read_scores(rows, study)
    for task in ("sst2", "trec"):
        gain = scores.values("mae", task, scores.reference) - scores.values(
            "mlm", task, scores.reference
        )
        mean = f"{100 * np.mean(gain):+.1f}".replace("-", MINUS)
        said = [text for text in texts if text.startswith(f"{task}, mae: {mean} [")]
        assert said and all(text.endswith("] points") for text in said)
    ring = page.locator("figure[data-figure^=differences] .ring").bounding_box()
    image = page.locator("figure[data-figure^=differences] img").bounding_box()
    assert image["x"] < ring["x"] < image["x"] + image["width"]
    assert image["y"] < ring["y"] < image["y"] + image["height"]


@pytest.mark.parametrize(
    ("axis", "cost"), [("tokens", "1 M"), ("FLOPs", "3 TFLOP"), ("seconds", "180 s")]
)
def test_costs_along_another_axis(visit, report, rows, study, axis, cost):
    page = visit(report)
    assert not page.locator("#cost-figures").is_visible()
    page.get_by_role("radio", name=axis).check()
    assert page.get_by_role("radio", name=axis).is_checked()
    assert f"{axis} of one pretraining" in page.locator("#cost-chart svg").text_content()
    page.locator("#cost-chart .spots").focus()
    texts = []
    for _ in range(4):
        page.keyboard.press("ArrowRight")
        texts.append(page.locator("#tip").inner_text())
    scores = read_scores(rows, study)
    whole = aggregate(scores, "mae", scores.reference)
    mean, low, high = (f"{100 * whole[name]:.1f}" for name in ("mean", "low", "high"))
    assert f"mae: {mean} [{low}, {high}] points, {cost}" in texts


@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("is_dark", [False, True])
def test_nothing_overflows(visit, report, width, is_dark):
    page = visit(report, width, is_dark=is_dark)
    page.locator("#verdict .controls").get_by_label("Control").select_option(label=EVIL)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("is_dark", [False, True])
def test_words_stand_out_from_their_paper(visit, report, is_dark):
    page = visit(report, is_dark=is_dark)
    ratios = page.evaluate(CONTRASTS)
    assert ratios["body"][1] == ("dark" if is_dark else "light")
    assert {name: ratio for name, (ratio, _) in ratios.items() if ratio < 4.5} == {}
    filters = page.locator("figure img").first.evaluate("image => getComputedStyle(image).filter")
    assert filters.startswith("invert(1)") if is_dark else filters == "none"


CONTRASTS = """() => {
  const numbers = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const paper = node => {
    for (; node; node = node.parentElement) {
      const colour = numbers(getComputedStyle(node).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
  };
  const measured = {};
  for (const selector of ['body', 'h1', '.soft', '.wins .word', '.loses .word', '.undecided .num',
      '.undecided small', '.control .word', '.note', '.sort', '.tools button', '.claims small',
      '.matrix .wins b', '.of-wins td:nth-child(3)']) {
    const node = document.querySelector(selector);
    if (!node) continue;
    const [a, b] = [light(numbers(getComputedStyle(node).color)), light(paper(node))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    measured[selector] = [ratio, b < .2 ? 'dark' : 'light'];
  }
  return measured;
}"""


def test_the_focus_can_be_seen(visit, report):
    page = visit(report)
    seen = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        tag, width = page.evaluate(
            "(at => [at.tagName, getComputedStyle(at).outlineWidth])(document.activeElement)"
        )
        assert float(width.removesuffix("px")) >= 2
        seen.add(tag)
    assert {"SELECT", "INPUT", "BUTTON"} <= seen


def test_the_script_rounds_as_python_does(browser, report):
    html = report.read_text("utf-8")
    source = re.search(r"<script>(.*?)</script>", html, re.DOTALL)[1]
    functions = source[source.index("(() => {") + 8 : source.rindex("start();")]
    generator = np.random.default_rng(1)
    values = [0.25, 0.75, 0.05, 0.0625, 1234.25, -0.25, 0.0, 1e-9, 1.5e7, -2.5e9, 1e12]
    values += list(generator.normal(0, 1, 200)) + list(generator.integers(-400, 400, 200) / 16)
    page = browser.new_page()
    for digits in (1, 3):
        shown = page.evaluate(
            f"values => {{ {functions}; return values.map(value => shownNumber(value, "
            f"{{ factor: 1, digits: {digits} }}, true)); }}",
            values,
        )
        measure = Measure("higher", "nats", digits)
        assert shown == [measure.number(value, is_signed=True) for value in values]
    page.close()


def test_the_data_holds_no_more_than_the_page_says(report):
    html = report.read_text("utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL)[1])
    assert [arm["label"] for arm in data["arms"]] == ["majority class", *ARMS]
    assert data["numHidden"] == 0 and len(data["settings"]) == 2
