"""A package of a third party, installed offline: it is listed, checked and run."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import start
from tiny_study import PROBE, write_study

from mae_bench.results import load_rows

EXAMPLE = Path(__file__).parents[1] / "plugin_example"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return a folder with the example installed by pip, without the network."""
    folder = tmp_path_factory.mktemp("site")
    source = folder / "source"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__"))
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
        "--no-index", "--disable-pip-version-check", "--target", folder / "installed", source,
    ]  # fmt: skip
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "installed"


def call(site, *arguments):
    """Run the command line where the example is installed; return code, stdout, stderr."""
    return start(*arguments, PYTHONPATH=str(site)).finish()


def test_an_objective_from_outside_takes_two_files():
    """The objective, and the project file that names it as an entry point."""
    files = {str(path.relative_to(EXAMPLE)) for path in EXAMPLE.rglob("*") if path.is_file()}
    assert {f for f in files if "__pycache__" not in f and ".egg-info" not in f} == {
        "mae_bench_halves.py", "pyproject.toml",
    }  # fmt: skip


def test_it_is_listed_with_its_options(site):
    code, out, err = call(site, "list", "objectives", "--json")
    assert code == 0, err
    printed = {part["name"]: part for part in json.loads(out)}["swapped_halves"]
    (option,) = printed["options"]
    assert option["default"] == 0.5 and option["description"].startswith("share of the rows")


def test_it_keeps_the_contract(site):
    code, out, err = call(site, "check", "swapped_halves", "--json")
    printed = json.loads(out)
    assert code == 0 and printed["is_kept"], (printed, err)
    assert len(printed["checks"]) == 16
    assert "keeps all 16 checks" in err


def test_it_runs_in_a_study(site, tmp_path, home):
    path = write_study(
        tmp_path,
        objectives=["mlm", {"swapped_halves": {"swapped_ratio": 0.4}}],
        protocols=["linear_probe", "representation"],
        finetune=None,
        linear_probe=PROBE,
    )
    code, _, err = call(site, "run", path, "--home", home, "--workers", 1)
    assert code == 0, err
    rows = load_rows(home / "studies" / "tiny")
    mine = rows[(rows["arm"] == "swapped_halves") & rows["is_primary"]]
    assert set(mine["metric"]) == {"accuracy", "rank_tau"}
    assert mine["value"].notna().all() and (mine["pretrain_flops"] > 0).all()
    page = tmp_path / "report"
    code, _, err = call(site, "report", path, "--home", home, "-o", page)
    assert code == 0, err
    assert "corpus (rank_tau)" in (page / "index.html").read_text()
