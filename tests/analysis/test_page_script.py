"""The page's script and data: what may run, what may end an element, and where the page ends."""

import base64
import hashlib
import json
import re

import numpy as np
import pandas as pd
import pytest
from report_rows import small_study, table

from mae_bench.analysis import page_data as embedding
from mae_bench.analysis.images import MAX_BYTES, embed_all
from mae_bench.analysis.messages import LANGUAGES, speaking, word
from mae_bench.analysis.pairwise import decide_all
from mae_bench.analysis.plots import Picture, panel_grid
from mae_bench.analysis.report import ReportContext, write_report
from mae_bench.analysis.rows import read_scores
from mae_bench.analysis.scripts import content_policy, script

GAIN = np.array([0.05, 0.051, 0.049, 0.05, 0.052, 0.048])
EVIL = "mae </script><script>alert(1)</script><!--"


@pytest.fixture
def rows():
    base = np.array([0.5, 0.55, 0.52, 0.51, 0.54, 0.53])
    return table({"mlm": base, EVIL: base + GAIN})


def data_of(html):
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)[1]
    )


def test_only_this_script_runs(rows, tmp_path):
    html = write_report(
        rows, small_study(arms=("mlm", EVIL)), tmp_path / "r", context=ReportContext()
    ).read_text("utf-8")
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL)
    assert [attributes for attributes, _ in scripts] == [' type="application/json" id="data"', ""]
    digest = base64.b64encode(hashlib.sha256(scripts[1][1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in content_policy()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)[1]
    assert policy.replace("&#39;", "'") == content_policy()
    assert "default-src 'none'" in policy.replace("&#39;", "'")
    data = data_of(html)
    assert [arm["label"] for arm in data["arms"]] == ["mlm", EVIL]
    assert data["settings"][0]["beaten"] == [[1, 0]]
    assert data["settings"][0]["versus"] == ["-w"]


def test_the_script_makes_no_markup_of_text_and_reaches_nothing():
    banned = r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|Function\(|fetch\(|XMLHttp|import\(|</|https?://(?!www\.w3\.org/2000/svg)"
    assert re.findall(banned, script()) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_of_the_script_is_in_every_language(language):
    text = script()
    names = set(re.findall(r'phrase\(data, "(\w+)"', text)) - {"outcome_", "cost_heading_"}
    names |= {
        name
        for two in re.findall(r'phrase\(data, [^"()]*\? "(\w+)" : "(\w+)"', text)
        for name in two
    }
    names |= {
        f"outcome_{word}"
        for word in ("wins", "loses", "undecided", "failed", "not_run", "not_tested")
    }
    names |= {
        f"{start}{axis}"
        for start in ("", "cost_heading_")
        for axis in ("tokens", "flops", "seconds")
    }
    names |= {"task", "setting", "outcome", "difference", "interval", "unit", "seeds"}
    names |= {"low", "high", "half", "notes"}  # columns of a CSV
    with speaking(language):
        known = set(embedding.script_words())
    assert names == known


def test_the_script_says_verdicts_and_units_as_the_page_of_its_language(rows, tmp_path):
    study = small_study(arms=("mlm", EVIL))
    html = write_report(rows, study, tmp_path / "r", context=ReportContext(language="zh"))
    text = html.read_text("utf-8")
    data = data_of(text)
    with speaking("zh"):
        assert data["words"]["outcome_wins"] == word("word", "wins")
        assert data["settings"][0]["tasks"][0]["unit"] == word("unit", "points") != "points"
    assert "Scroll sideways" not in text


def test_the_same_rows_give_the_same_page(rows, tmp_path):
    study = small_study(arms=("mlm", EVIL))
    context = ReportContext(provenance={"command": "x"})
    pages = [
        write_report(rows, study, tmp_path / name, context=context).read_bytes() for name in "ab"
    ]
    assert pages[0] == pages[1]


def test_settings_are_embedded_until_the_page_is_full(rows, monkeypatch):
    sizes = (20, 50, 100)
    rows = [rows.assign(train_size=str(size), n_train=size) for size in sizes]
    study = small_study(arms=("mlm", EVIL), train_sizes=sizes)
    scores = read_scores(pd.concat(rows), study)
    arguments = ("small", scores, "mlm", decide_all(scores, "mlm"), [], pd.concat(rows), {})
    whole = json.loads(embedding.page_data(*arguments))
    assert len(whole["settings"]) == 3 and whole["numHidden"] == 0
    one = len(json.dumps(whole["settings"][0], separators=(",", ":")))
    monkeypatch.setattr(embedding, "MAX_BYTES", int(2.5 * one))
    part = json.loads(embedding.page_data(*arguments))
    assert part["settings"] == whole["settings"][:2] and part["numHidden"] == 1


def test_a_figure_too_many_is_named_instead(tmp_path, monkeypatch):
    def draw(is_wide):
        figure, (axis,), _ = panel_grid(1, is_wide, 2.0)
        axis.errorbar([1.0], [0], xerr=[[0.5], [0.25]], fmt="o")
        axis.set_yticks([0], ["mlm"])
        axis.set_title("sst2", loc="left")
        return figure

    pictures = [Picture(slug, slug, "", draw) for slug in ("a", "b")]
    images, spots = embed_all({"s": pictures[:1], "t": pictures[1:]}, tmp_path)
    assert all(one.wide.startswith("data:image/svg+xml") for two in images.values() for one in two)
    ((x, y, text),) = spots["a"]["wide"]
    assert text == "sst2, mlm: 1 [0.5, 1.25]" and 0 < x < 1 and 0 < y < 1
    assert [text for *_, text in spots["b"]["narrow"]] == [text]
    first = images["s"][0]
    monkeypatch.setattr("mae_bench.analysis.images.MAX_BYTES", len(first.wide) + len(first.narrow))
    images, spots = embed_all({"s": pictures[:1], "t": pictures[1:]}, tmp_path)
    assert images["s"][0].wide and images["t"][0].wide is None and set(spots) == {"a"}
    assert (tmp_path / "b.png").is_file() and MAX_BYTES < 5_000_000
    assert images["s"][0] == first
