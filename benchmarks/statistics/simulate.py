"""Level, power and coverage of the candidates, by simulation.

    python benchmarks/statistics/simulate.py --part verdicts                 # what the package does
    python benchmarks/statistics/simulate.py --part candidates --seeds 6   # all against each other
    python benchmarks/statistics/simulate.py --part examples  # with models of the test examples
    python benchmarks/statistics/simulate.py --part intervals
    python benchmarks/statistics/simulate.py --part tables                   # Markdown of all that

Each (seeds, family, scenario) is one file under --out and is made once, so that a stopped run
goes on where it was.
"""

import argparse
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from coverage import coverage
from examples import EXAMPLE_SCENARIOS
from hierarchical import example_verdicts
from procedures import Rejected, candidates, verdicts
from scenarios import SCENARIOS, Shape
from tables import write_tables

from mae_bench.analysis.moderated import Array

PARTS = ("verdicts", "candidates", "examples", "intervals", "tables")
# in standard deviations: what one paired t test finds with 80% power
EFFECTS = {3: 3.26, 4: 2.01, 5: 1.68, 6: 1.4, 10: 1.0, 20: 0.66}


def drawn(
    part: str, name: str, rng: np.random.Generator, shape: Shape
) -> tuple[Array, Array, Callable[[Array], dict[str, Rejected]]]:
    """Return differences, their spreads, and what decides about such differences."""
    if part == "examples":
        made = EXAMPLE_SCENARIOS[name](rng, shape)
        return made.values, made.spreads, partial(example_verdicts, known=made.known)
    values, spreads = SCENARIOS[name](rng, shape)
    return values, spreads, {"candidates": candidates, "verdicts": verdicts}[part]


def level(part: str, num_seeds: int, family: int, name: str, studies: int) -> pd.DataFrame:
    """Return error and power in one cell: of verdicts at each cut, or of each candidate.

    ``any_false``: studies with any false rejection where nothing is true; ``partial``: the same
    where a quarter of the hypotheses are true; ``power``: of those that are true.
    """
    rng = np.random.default_rng(zlib.crc32(f"{num_seeds} {family} {name}".encode()))
    values, spreads, decide = drawn(part, name, rng, (studies, num_seeds, family))
    is_true = np.zeros(family, dtype=bool)
    is_true[np.linspace(0, family - 1, max(1, family // 4)).astype(int)] = True
    nothing, some = decide(values), decide(values + is_true * EFFECTS[num_seeds] * spreads)
    records = [
        {
            "seeds": num_seeds,
            "family": family,
            "scenario": name,
            "cut" if part == "verdicts" else "procedure": one,
            "studies": len(rejected),
            "any_false": rejected.any(axis=1).mean(),
            "partial": some[one][:, ~is_true].any(axis=1).mean(),
            "power": some[one][:, is_true].mean(),
        }
        for one, rejected in nothing.items()
    ]
    return pd.DataFrame(records)


def _saved(job: tuple[str, int, int, str, int, Path]) -> str:
    part, num_seeds, family, name, studies, out = job
    slug = "".join(c if c.isalnum() else "-" for c in f"{part}-{num_seeds}-{family}-{name}")
    path = out / "cells" / f"{slug}.csv"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        if part == "intervals":
            frame = coverage(num_seeds, name, studies)
        else:
            frame = level(part, num_seeds, family, name, studies)
        temporary = path.with_suffix(".tmp")
        frame.to_csv(temporary, index=False)
        temporary.rename(path)
    return slug


def main() -> None:
    """Make what is asked for and is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=PARTS, default="verdicts")
    parser.add_argument("--seeds", type=int, nargs="+", default=[6, 10, 20])
    parser.add_argument("--families", type=int, nargs="+", default=[1, 4, 16, 26, 100])
    parser.add_argument("--scenarios", nargs="+", choices=[*SCENARIOS, *EXAMPLE_SCENARIOS])
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    if asked.part == "tables":
        write_tables(asked.out)
        return
    families = asked.families if asked.part != "intervals" else [1]
    known = EXAMPLE_SCENARIOS if asked.part == "examples" else SCENARIOS
    cells = product(families, asked.seeds, asked.scenarios or known)
    jobs = [
        (asked.part, seeds, family, name, asked.studies, asked.out) for family, seeds, name in cells
    ]
    with ProcessPoolExecutor(asked.processes) as pool:
        for done, slug in enumerate(pool.map(_saved, jobs), 1):
            print(f"{done} of {len(jobs)}: {slug}", flush=True)


if __name__ == "__main__":
    main()
