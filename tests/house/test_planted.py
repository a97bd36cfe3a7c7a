"""The lists of planted bugs have not rotted; `tox -e planted` runs the tests against each."""

import importlib
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "planted"


def load():
    """Import the script, which joins the lists as it does when it is run."""
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module("run")
    finally:
        sys.path.remove(str(FOLDER))


planting = load()
BUGS = planting.BUGS


def test_names_are_unique_and_each_bug_is_one_sentence():
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 75
    assert len({(bug.file, bug.old, bug.new) for bug in BUGS}) == len(BUGS)
    for bug in BUGS:
        assert bug.what.endswith(".") and "\n" not in bug.what


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_edit_applies_once_and_the_tests_exist(bug):
    assert planting.planted(bug) != (planting.ROOT / bug.file).read_text()
    for target in bug.tests:
        path, _, name = target.partition("::")
        text = (planting.ROOT / path).read_text()
        assert f"def {name}(" in text or not name


def test_every_list_of_the_folder_is_joined():
    names = {path.stem for path in FOLDER.glob("*bugs.py")}
    lists = {name: sys.modules[name].BUGS for name in names}
    assert len(lists) > 1 and all(lists.values())
    assert sorted(bug.name for bug in BUGS) == sorted(
        b.name for part in lists.values() for b in part
    )


def test_an_edit_that_no_longer_applies_is_reported():
    gone = planting.Bug("gone", "Nothing.", "mae_bench/errors.py", "no such text", "", ())
    with pytest.raises(planting.PlantingError, match=r"occurs 0 times in mae_bench/errors\.py"):
        planting.planted(gone)
