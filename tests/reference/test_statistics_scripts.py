"""The scripts of benchmarks/statistics run, and write the tables of the package as they stand."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from mae_bench.analysis import detectable, detectable_ratios

FOLDER = Path(__file__).parents[2] / "benchmarks" / "statistics"


@pytest.fixture
def script(monkeypatch):
    """Return a function that imports one; their folder is no package."""
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if name in {path.stem for path in FOLDER.glob("*.py")}:
            del sys.modules[name]


@pytest.mark.parametrize("kind", ["monotone", "crossing", "spread"])
def test_each_kind_of_claim_is_judged_on_made_scores(kind, script):
    shares = script("claim_kinds").share(kind, "normal", 20, "true", 2)
    assert shares == (1.0, 0.0)


def test_a_table_is_written_as_it_stands(script, monkeypatch, tmp_path):
    makers = script("detectable"), script("detectable_ratios")
    monkeypatch.setattr(makers[0], "_ANALYSIS", tmp_path)
    of_ratios = np.array(detectable_ratios.LOG_RATIOS)
    seeds, families = makers[0].SEEDS, makers[1].FAMILIES
    monkeypatch.setattr(
        makers[1], "effect", lambda n, size: of_ratios[seeds.index(n), families.index(size)]
    )
    makers[1].main()
    names = ("SEEDS", "FAMILIES", "EFFECTS")
    title = "Smallest detectable effects in standard deviations."
    rows = np.array(detectable.EFFECTS)
    makers[0].write_table("detectable.py", title, names, detectable.FAMILIES, rows)
    for module in (detectable, detectable_ratios):
        stored = Path(module.__file__)
        assert (tmp_path / stored.name).read_text() == stored.read_text()
