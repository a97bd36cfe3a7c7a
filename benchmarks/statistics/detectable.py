"""Make the table of smallest detectable differences that the package reads.

    python benchmarks/statistics/detectable.py     # writes mae_bench/analysis/detectable.py

For each number of seeds and size of family: the effect, in standard deviations of the paired
difference, at which 80% of the true hypotheses get a verdict, a quarter of the family being true.
One test alone is solved exactly; the simulated ones are smoothed over seeds and family.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np
from scipy import special

from mae_bench.analysis.moderated import Array, moderate
from mae_bench.analysis.multiplicity import holm
from mae_bench.analysis.stats import CUT, LEVEL

SEEDS = (6, 7, 8, 10, 12, 15, 20, 30, 50)
FAMILIES = (1, 2, 4, 8, 16, 32, 64, 128)
POWER = 0.8
_ANALYSIS = Path(__file__).parents[2] / "mae_bench" / "analysis"
_NUM_TRUE = 5_000  # simulated true hypotheses, over all studies
_MIN_STUDIES, _CHUNK, _STEPS = 256, 64, 5


def effect(cell: tuple[int, int]) -> float:
    """Return the effect detected with 80% power; every effect is tried on the same noise."""
    num_seeds, family = cell
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
        is_decided = []
        for _, true, null, errors in parts:
            p = null.copy()
            p[:, :num_true] = true.p(-shift)
            is_clear = np.abs(true.means + shift) > critical * errors
            is_decided.append((holm(p)[:, :num_true] < CUT) & is_clear)
        return float(np.mean(np.concatenate(is_decided)))

    shift = (2.0 + 0.25 * np.log2(family)) / np.sqrt(num_seeds) + 4 / num_seeds**2
    for _ in range(_STEPS):  # on the scale of normal quantiles power is nearly straight in it
        missing = special.ndtri(POWER) - special.ndtri(np.clip(power(shift), 1e-3, 1 - 1e-3))
        shift += missing / np.sqrt(num_seeds)
    return float(shift)


def alone(num_seeds: int) -> float:
    """Return the effect that one t test detects, by the noncentral t distribution."""
    freedom = num_seeds - 1
    critical = special.stdtrit(freedom, 1 - CUT / 2)
    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        missed = special.nctdtr(freedom, middle * np.sqrt(num_seeds), critical)
        low, high = (middle, high) if 1 - missed < POWER else (low, middle)
    return high


def smoothed(effects: Array) -> Array:
    """Return [seeds, families >= 2] effects by a quadratic of 1 / seeds and log of the family.

    It is fitted to effects in standard errors, which change slowly.
    """
    seeds = np.array(SEEDS, dtype=np.float64)[:, None]
    size = np.log2(np.array(FAMILIES[1:], dtype=np.float64))[None]
    terms = [(1 / seeds) ** i * size**j for i in range(3) for j in range(3)]
    design = np.stack([np.broadcast_to(term, effects.shape).ravel() for term in terms], axis=1)
    wanted = (effects * np.sqrt(seeds)).ravel()
    coefficients, *_ = np.linalg.lstsq(design, wanted, rcond=None)
    print("left of the fit, in standard errors:", np.std(design @ coefficients - wanted).round(4))
    return (design @ coefficients).reshape(effects.shape) / np.sqrt(seeds)


def main() -> None:
    """Write the table."""
    cells = list(product(SEEDS, FAMILIES[1:]))
    with ProcessPoolExecutor(2) as pool:
        effects = list(pool.map(effect, cells))
    simulated = smoothed(np.array(effects).reshape(len(SEEDS), -1))
    rows = np.column_stack([[alone(count) for count in SEEDS], simulated])
    names = ("SEEDS", "FAMILIES", "EFFECTS")
    title = "Smallest detectable effects in standard deviations."
    write_table("detectable.py", title, names, FAMILIES, rows)


def write_table(
    file: str, title: str, names: tuple[str, str, str], families: Sequence[int], rows: Array
) -> None:
    """Write the module of the package that holds a table.

    Args:
        file: its name, which is that of the script that makes it, too.
        title: the first line of its docstring.
        names: of the seeds, the families and the effects in it.
        families: sizes of families.
        rows: effects, [seeds, families].
    """
    lines = [
        f"    ({', '.join(f'{value:.3f}' for value in row)}),  # {count}"
        for count, row in zip(SEEDS, rows, strict=True)
    ]
    of_seeds, of_families, effects = names
    (_ANALYSIS / file).write_text(
        f'"""{title}\n\nMade by benchmarks/statistics/{file}; read by `power`.\n"""\n\n'
        f"{of_seeds} = {SEEDS}\n{of_families} = {families}\n"
        f"{effects} = (  # a line for each number of seeds\n" + "\n".join(lines) + "\n)\n",
        "utf-8",
    )


if __name__ == "__main__":
    main()
