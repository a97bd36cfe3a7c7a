"""Another baseline in the browser: the numbers and words that Python gives."""

import numpy as np
import pytest
from page_rows import ARMS, EVIL, SEEDS, SIZES, TASKS

from mae_bench.analysis.claims import control_of, judge_comparisons
from mae_bench.analysis.pairwise import decide_all
from mae_bench.analysis.rows import read_scores
from mae_bench.analysis.stats import mean_intervals
from mae_bench.analysis.summary import outcome_word
from mae_bench.analysis.tables import difference, interval

COLUMNS = (*TASKS, None)


@pytest.fixture(scope="session")
def scores(rows, study):
    return read_scores(rows, study)


def grid_of(page, selector):
    """Return {arm: [(word, number, detail) of each column]} of a grid on the page."""
    return page.evaluate(
        """selector => Object.fromEntries([...document.querySelectorAll(selector + ' tbody tr')]
            .map(row => [row.cells[0].textContent, [...row.cells].slice(1).map(cell => ['.word',
                '.num', 'small'].map(name => cell.querySelector(name)?.textContent ?? ''))]))""",
        selector,
    )


def choose(page, label, name):
    page.locator("#verdict .controls").get_by_label(label).select_option(label=name)


@pytest.mark.parametrize("baseline", ["mae", EVIL, "random_init"])
@pytest.mark.parametrize("place", [0, 1])
def test_any_arm_as_the_baseline(visit, report, scores, baseline, place):
    page = visit(report)
    setting = scores.settings[place]
    choose(page, "Control", baseline)
    choose(page, "Setting", setting.label)
    shown = grid_of(page, "#compared .grid")
    assert not page.locator("#against").is_visible()
    assert list(shown) == [baseline, *(arm for arm in ARMS if arm != baseline)]
    decisions = decide_all(scores, "mlm")
    words = set()
    for arm in ARMS:
        if arm == baseline:
            continue
        for task, (word, number, detail) in zip(COLUMNS, shown[arm], strict=True):
            names = TASKS if task is None else (task,)
            pairs = [
                scores.values(arm, name, setting) - scores.values(baseline, name, setting)
                for name in names
            ]
            gains = np.mean(pairs, axis=0)
            low, high = (float(end[0]) for end in mean_intervals(gains[:, None]))
            measure = scores.measure(names[0], setting)
            assert number == difference(float(np.nanmean(gains)), measure)
            assert detail.startswith(interval(low, high, measure))
            n = int(np.isfinite(gains).sum())
            assert (f"n={n}" in detail) == (n < len(SEEDS))
            beaten = decisions.beaten[setting].get(task, ())
            expected = "undecided"
            if (arm, baseline) in beaten:
                expected = "wins"
            elif (baseline, arm) in beaten:
                expected = "loses"
            assert word.split()[-1] == expected
            words.add(expected)
    assert len(words) > 1 or baseline == "random_init"


def test_against_the_control_the_words_are_those_of_the_report(visit, report, scores, study):
    page = visit(report)
    printed = grid_of(page, "#against .grid")
    setting = scores.settings[1]
    choose(page, "Setting", setting.label)
    shown = grid_of(page, "#compared .grid")
    verdicts = judge_comparisons(study, scores, control_of(study, scores), [setting])
    assert len(verdicts) == 9
    for verdict in verdicts:
        word, number, detail = shown[verdict.claim.treatment][COLUMNS.index(verdict.claim.task)]
        assert word.split()[-1] == outcome_word(verdict)
        assert number == difference(verdict.difference, verdict.measure)
        assert detail.startswith(interval(verdict.low, verdict.high, verdict.measure))
        assert ("†" in detail) == (verdict.num_collapsed > 0)
        assert ("failed" in detail) == (verdict.num_failed > 0)
    # the first setting again: what the report printed, untouched
    choose(page, "Setting", scores.settings[0].label)
    assert page.locator("#against").is_visible() and not page.locator("#compared").is_visible()
    assert grid_of(page, "#against .grid") == printed


def test_a_floor_as_the_baseline_has_numbers_and_no_words(visit, report):
    page = visit(report)
    choose(page, "Control", "majority class")
    shown = grid_of(page, "#compared .grid")
    assert {cell[0] for arm in ARMS for cell in shown[arm]} == {"◇ not tested"}
    assert page.locator("#compared .charts path.hollow").count() == len(ARMS) * len(COLUMNS)
    assert "◇ not tested: no verdict" in page.locator("#compared").inner_text()
    assert shown["mae"][0][1].startswith("+")
    assert "No pair with a floor was tested" in page.locator("#compared").inner_text()


def test_wins_are_counted_and_listed(visit, report, scores):
    page = visit(report)
    decisions = decide_all(scores, "mlm")
    cells = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('.matrix tbody tr')].map(row =>
            [row.cells[0].textContent, [...row.cells].slice(1).map(cell => cell.innerText)]))"""
    )
    assert list(cells) == list(ARMS)
    num_columns = len(TASKS) * len(SIZES)
    for one in ARMS:
        total = 0
        for other, text in zip(ARMS, cells[one], strict=False):
            if one == other:
                continue
            of_tasks = [b.get(task, ()) for b in decisions.beaten.values() for task in TASKS]
            wins = sum((one, other) in beaten for beaten in of_tasks)
            losses = sum((other, one) in beaten for beaten in of_tasks)
            assert text == f"{wins} / {losses} / {num_columns - wins - losses}"
            total += wins
        assert cells[one][-1] == str(total)
    page.get_by_role("button", name="simcse against mae: ").click()
    lines = page.locator("#wins tr[class^=of-]").all_inner_texts()
    where = {tuple(line.split("\t")[:3]) for line in lines}
    expected = {
        (task, setting.label, f"{sign} {word}")
        for setting, beaten in decisions.beaten.items()
        for task in TASKS
        for pair, sign, word in (
            (("simcse", "mae"), "▲", "wins"),
            (("mae", "simcse"), "▼", "loses"),
        )
        if pair in beaten.get(task, ())
    }
    assert where == expected and len(expected) > 2
    page.get_by_label("undecided, too").check()
    assert page.locator("#wins tr[class^=of-]").count() == num_columns
