"""Writes into each packaged reproduction and finding what its scales can see and cost.

python tests/expectations.py

A line `It sees ...` in an expectation is what `mae-bench plan` computes for the claims of that
scale in a fresh home without data; the rest of an expectation is written by hand.
"""

import re
import tempfile
from pathlib import Path

from mae_bench.cli.show import number
from mae_bench.planning.estimate import detectable, estimate
from mae_bench.planning.packaged import kind_of, packaged
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import load_study
from mae_bench.planning.yaml_text import read_yaml
from mae_bench.plurals import counted
from mae_bench.store.store import Store

LINE = re.compile(r"^( +)It sees.*$", re.MULTILINE)
FAMILY = "claims of the study"


def files():
    """Return the path of each reproduction and finding that is a study, by name."""
    paths = [p for folder in ("papers", "findings") for p in (packaged() / folder).rglob("*.yaml")]
    named = {path.relative_to(packaged()).with_suffix("").as_posix(): path for path in paths}
    return {name: path for name, path in sorted(named.items()) if kind_of(path) == "study"}


def sentence(path, scale):
    """Return what the claims of a scale can see and what its pretrainings cost, as `plan` does."""
    study = load_study(path, (), scale)
    one_seed = study.model_copy(update={"seeds": study.seeds[:1]})  # all seeds cost the same
    with tempfile.TemporaryDirectory() as home:
        costs = estimate(make_plan(one_seed, None), Store(Path(home)), "cpu")
    flops = costs.flops * len(study.seeds)
    seeds = counted(len(study.seeds), "seed")
    claims = [family for family in detectable(study) if family.family == FAMILY]
    price = f"pretrainings: {number(flops)} FLOPs." if flops else "priced by the clock."
    if not claims:
        return f"It sees nothing that {seeds} could decide; {price}"
    (seen,) = claims
    how = f"{seeds}, {counted(seen.num_tests, 'test')}, 80% power"
    return f"It sees {seen.effect:.2f} SD of a paired difference ({how}); {price}"


def scales_of(path):
    """Return the names of a study's scales, in the order of its file."""
    return list(read_yaml(path.read_text("utf-8"), path.name)["scales"])


def text(path):
    """Return the file with each scale's line as it has to be.

    Raises:
        AssertionError: there are not as many lines as scales.
    """
    written, scales = path.read_text("utf-8"), scales_of(path)
    assert len(LINE.findall(written)) == len(scales), f"{path}: one line `It sees ...` a scale"
    lines = iter([sentence(path, scale) for scale in scales])
    return LINE.sub(lambda match: match[1] + next(lines), written)


if __name__ == "__main__":
    for path in files().values():
        path.write_text(text(path), "utf-8")
