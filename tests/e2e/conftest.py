"""Prepares and runs the tiny study once for every test that only goes on from there."""

import shutil

import pytest
from command_line import call
from tiny_study import STUDY


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(STUDY)
    return path


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """Return a home with the data of the tiny study, which most studies here share."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "tiny.yaml").write_text(STUDY)
    code, _, err = call("prepare", folder / "tiny.yaml", "--home", folder / "home", "--workers", 1)
    assert code == 0, err
    return folder / "home"


@pytest.fixture
def home(prepared, tmp_path):
    """Return a home in which all that `prepare` does is done."""
    return shutil.copytree(prepared, tmp_path / "home")


@pytest.fixture
def new_home(tmp_path):
    return tmp_path / "home"


@pytest.fixture(scope="session")
def finished(prepared, tmp_path_factory):
    """Return (study, home) after one uninterrupted run."""
    folder = tmp_path_factory.mktemp("finished")
    path, home = folder / "tiny.yaml", folder / "a?b%41 #c {d} é'"  # no URL, format or shell
    path.write_text(STUDY)
    shutil.copytree(prepared, home)
    code, _, err = call("run", path, "--home", home, "--workers", 1)
    assert code == 0, err
    return path, home
