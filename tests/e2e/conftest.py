"""Runs the tiny study once for every test that only looks at the result."""

import pytest
from command_line import call
from tiny_study import STUDY


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(STUDY)
    return path


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """Return (study, home) after one uninterrupted run."""
    folder = tmp_path_factory.mktemp("finished")
    path, home = folder / "tiny.yaml", folder / "a?b%41 #c {d} é'"  # no URL, format or shell
    path.write_text(STUDY)
    code, _, err = call("run", path, "--home", home, "--workers", 1)
    assert code == 0, err
    return path, home
