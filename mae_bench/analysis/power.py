"""The smallest difference that a family test detects, from a table of simulations.

`benchmarks/statistics/detectable.py` makes the table: normal differences of equal spread, a
quarter of the family true (at least one), each true one detected in four of five studies.
"""

from functools import cache

import numpy as np

from mae_bench.analysis.detectable import EFFECTS, FAMILIES, SEEDS


@cache
def detectable_effect(num_seeds: int, family: int = 1) -> float:
    """Return the smallest mean difference detected with 80% power, in SDs of paired differences.

    Read from the table, along 1 / seeds and log of the family's size; beyond its largest family
    along the last slope. Infinite below the fewest seeds of the table.

    Args:
        num_seeds: pairs of the hypothesis.
        family: tests that are adjusted together, those of all margins.
    """
    if num_seeds < SEEDS[0]:
        return float("inf")
    sizes = np.log2(FAMILIES)
    by_seeds = np.array(EFFECTS) * np.sqrt(SEEDS)[:, None]  # in standard errors: nearly straight
    inverse_seeds = 1 / np.array(SEEDS, dtype=np.float64)
    column = [np.interp(1 / num_seeds, inverse_seeds[::-1], of[::-1]) for of in by_seeds.T]
    size = np.log2(max(family, 1))
    if size > sizes[-1]:
        slope = (column[-1] - column[-2]) / (sizes[-1] - sizes[-2])
        effect = column[-1] + slope * (size - sizes[-1])
    else:
        effect = np.interp(size, sizes, column)
    return float(effect / np.sqrt(num_seeds))
