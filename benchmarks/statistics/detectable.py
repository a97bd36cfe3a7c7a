"""Make the table of smallest detectable differences that the package reads.

    python benchmarks/statistics/detectable.py     # writes mae_bench/analysis/detectable.py

For each number of seeds and size of family: the effect, in standard deviations of the paired
difference, at which 80% of the true hypotheses get a verdict, a quarter of the family being true.
"""

from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np
from scipy import special

from mae_bench.analysis.moderated import moderate
from mae_bench.analysis.multiplicity import holm

SEEDS = (3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 30, 50)
FAMILIES = (1, 2, 4, 8, 16, 32, 64, 128)
POWER, LEVEL = 0.8, 0.05
_TARGET = Path(__file__).parents[2] / "mae_bench" / "analysis" / "detectable.py"
_NUM_TRUE = 6_000  # simulated true hypotheses, over all studies
_MIN_STUDIES, _CHUNK, _STEPS = 300, 64, 6


def effect(place: tuple[int, int]) -> float:
    """Return the effect found with 80% power; every effect is tried on the same noise."""
    num_seeds, family = place
    num_true = max(1, family // 4)
    studies = max(_MIN_STUDIES, _NUM_TRUE // num_true)
    rng = np.random.default_rng(num_seeds * 1000 + family)
    parts = []
    for _ in range(0, studies, _CHUNK):
        noise = rng.standard_normal((_CHUNK, num_seeds, family))
        errors = noise.std(axis=1, ddof=1) / np.sqrt(num_seeds)
        posterior = moderate(noise)
        true = posterior.take(np.arange(num_true))
        parts.append((posterior, true, posterior.p(), errors[:, :num_true]))
    critical = special.stdtrit(num_seeds - 1, 1 - LEVEL / 2)

    def power(shift: float) -> float:
        found = []
        for _, true, null, errors in parts:
            p = null.copy()
            p[:, :num_true] = true.p(-shift)
            is_clear = np.abs(true.means + shift) > critical * errors
            found.append((holm(p)[:, :num_true] < LEVEL) & is_clear)
        return float(np.mean(np.concatenate(found)))

    shift = (2.0 + 0.25 * np.log2(family)) / np.sqrt(num_seeds) + 4 / num_seeds**2
    for _ in range(_STEPS):  # on the scale of normal quantiles power is nearly straight in it
        missing = special.ndtri(POWER) - special.ndtri(np.clip(power(shift), 1e-3, 1 - 1e-3))
        shift += missing / np.sqrt(num_seeds)
    return float(shift)


def main() -> None:
    """Write the table."""
    places = list(product(SEEDS, FAMILIES))
    with ProcessPoolExecutor(2) as pool:
        found = list(pool.map(effect, places))
    rows = np.array(found).reshape(len(SEEDS), len(FAMILIES))
    lines = [f"    ({', '.join(f'{value:.3f}' for value in row)}),  # {n}" for n, row in zip(SEEDS, rows, strict=True)]
    _TARGET.write_text(
        '"""Smallest detectable effects in standard deviations; made by '
        'benchmarks/statistics/detectable.py."""\n\n'
        f"SEEDS = {SEEDS}\nFAMILIES = {FAMILIES}\n"
        "EFFECTS = (  # a line for each number of seeds\n" + "\n".join(lines) + "\n)\n",
        "utf-8",
    )


if __name__ == "__main__":
    main()
