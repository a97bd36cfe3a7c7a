"""A front page over several reports: answers, claims, costs, and links that lead to them."""

import re
import shutil
from functools import partial

import numpy as np
import pytest
from report_rows import small_study, table

from mae_bench.analysis.front import read_entry, write_front_page
from mae_bench.analysis.report import write_report
from mae_bench.errors import StoreError
from mae_bench.specs import Claim

BASE = np.array([0.50, 0.55, 0.52, 0.51, 0.54, 0.53])
OTHER = np.array([0.503, 0.548, 0.521, 0.512, 0.537, 0.531])


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Return the reports of two studies, written once."""
    folder = tmp_path_factory.mktemp("reports")
    for name, gain in (("one", 0.1), ("two", -0.1)):
        claim = Claim(sentence="mae <wins>", treatment="mae", control="mlm")
        study = small_study(name=name, claims=(claim,), description="What <it> is.")
        rows = table({"mlm": BASE, "mae": OTHER + gain}, pretrain_flops=1e12, pretrain_s=9.0)
        write_report(rows, study, folder / name)
    return folder


def copied(report, folder):
    return shutil.copytree(report, folder) / "index.html"


@pytest.fixture
def front(reports, tmp_path):
    writers = {path.name: partial(copied, path) for path in sorted(reports.iterdir())}
    missing = {"three": "nothing <is> done"}
    return partial(write_front_page, writers, missing, tmp_path / "front", {})


def test_a_front_page_leads_to_every_report(front):
    page = front("en")
    html = page.read_text("utf-8")
    links = re.findall(r'href="([^"#]+)"', html)
    assert links == ["one/index.html", "two/index.html"]
    assert (page.parent / "one" / "index.html").is_file()
    assert (page.parent / "two" / "index.html").is_file()
    assert "The claim is supported." in html and "nothing &lt;is&gt; done" in html
    assert "What &lt;it&gt; is." in html and "<it>" not in html
    assert "✓ 1 supported" in html and "✗ 1 refuted" in html
    assert "src=" not in html and "<script" not in html


def test_an_entry_counts_runs_and_costs(front):
    entry = read_entry(front("en").parent / "one")
    assert entry.claims == {"supported": 1}
    assert ("6", "seeds") in entry.facts and ("12", "runs") in entry.facts
    assert ("12 TFLOP", "to pretrain") in entry.facts
    assert ("108", "seconds of pretraining") in entry.facts


def test_a_front_page_replaces_an_older_one_and_nothing_else(front, reports, tmp_path):
    front("en")
    (tmp_path / "front" / "mine.txt").write_text("mine")
    first = (tmp_path / "front" / "index.html").read_bytes()
    assert front("en").read_bytes() == first
    assert (tmp_path / "front" / "mine.txt").exists()
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("years")
    with pytest.raises(StoreError, match="something other than a report"):
        write_front_page(
            {"one": partial(copied, reports / "one")}, {}, tmp_path / "thesis", {}, "en"
        )
