"""What an installed copy holds: the package with its types, and every study, but no scripts."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from mae_bench.planning.packaged import papers, suites

ROOT = Path(__file__).parents[2]
BUILD = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]


def matching(patterns):
    """Return the project's files that the wheel includes, as hatch reads its patterns."""
    files = set()
    for pattern in patterns:
        matches = list(ROOT.glob(pattern.removeprefix("/")))
        assert matches, f"nothing matches {pattern}"
        for path in matches:
            files |= {path} if path.is_file() else {p for p in path.rglob("*") if p.is_file()}
    names = {path.relative_to(ROOT).as_posix() for path in files}
    return {name for name in names if "__pycache__" not in name}


def check(names):
    """Check paths inside a wheel."""
    packaged = {*suites().values(), *papers().values()}
    roots = ("benchmarks", "_benchmarks")  # of this checkout, and of an installed copy
    studies = {
        path.relative_to(next(up for up in path.parents if up.name in roots)).as_posix()
        for path in packaged
    }
    inside = {
        name.removeprefix("mae_bench/_benchmarks/") for name in names if "_benchmarks/" in name
    }
    assert {"quickstart.yaml", "first_fight.yaml", "papers/mae/speed.yaml"} <= studies
    assert inside == studies
    templates = "mae_bench/analysis/templates"
    assert {"mae_bench/py.typed", f"{templates}/style.css", f"{templates}/script/start.js"} <= names


def test_the_wheel_is_configured_to_hold_the_package_and_the_studies():
    wheel = BUILD["targets"]["wheel"]
    assert wheel["sources"] == {"benchmarks": "mae_bench/_benchmarks"}
    assert not wheel.keys() - {"include", "sources"}, "a key that this test does not know"
    check(
        {
            f"mae_bench/_{name}" if name.startswith("benchmarks/") else name
            for name in matching(wheel["include"])
        }
    )


@pytest.mark.slow
def test_the_wheel_that_is_built_holds_the_package_and_the_studies(tmp_path):
    pytest.importorskip("hatchling", reason="builds a wheel without the network")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        check({name for name in file.namelist() if ".dist-info/" not in name})
