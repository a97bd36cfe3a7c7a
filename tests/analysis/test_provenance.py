"""Which commit made a report, of a checkout and of an installed package."""

import json
from types import SimpleNamespace

import pytest

from mae_bench.analysis import provenance


def installed_from(monkeypatch, tmp_path, record):
    text = None if record is None else json.dumps(record)
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "a/b/c.py"))  # no checkout around it
    installed = SimpleNamespace(read_text=lambda name: text)
    monkeypatch.setattr(provenance, "distribution", lambda name: installed)


@pytest.mark.parametrize("record", [None, {"url": "file:///src", "dir_info": {}}])
def test_a_package_from_files_has_no_commit(monkeypatch, tmp_path, record):
    installed_from(monkeypatch, tmp_path, record)
    assert provenance.collect_provenance("x")["commit"] is None


def test_a_package_that_pip_fetched_names_the_commit(monkeypatch, tmp_path):
    vcs = {"vcs": "git", "commit_id": "0123abc"}
    installed_from(monkeypatch, tmp_path, {"url": "https://example.org/x", "vcs_info": vcs})
    assert provenance.collect_provenance("x")["commit"] == "0123abc"
