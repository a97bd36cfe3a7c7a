"""The smallest effects that a family test detects, from tables of simulations.

Of mean differences, normal and of equal spread, a quarter of the family true (at least one), each
true one detected in four of five studies (`benchmarks/statistics/detectable.py` makes the table);
and of ratios of standard deviations, of independent normal sides in a family where nothing else is
true (`benchmarks/statistics/detectable_ratios.py`).
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from scipy import special

from mae_bench.analysis.detectable import EFFECTS, FAMILIES, SEEDS
from mae_bench.analysis.detectable_ratios import LOG_RATIOS, RATIO_FAMILIES, RATIO_SEEDS
from mae_bench.analysis.stats import CUT

MAX_SEEDS = 1000


@cache
def detectable_effect(num_seeds: int, family: int = 1) -> float:
    """Return the smallest mean difference detected with 80% power, in SDs of paired differences.

    Read from the table, along 1 / seeds and log of the family's size; beyond its largest family
    along the last slope. Infinite below the fewest seeds of the table.

    Args:
        num_seeds: pairs of the hypothesis.
        family: tests that are adjusted together, those of all margins.
    """
    return _read(SEEDS, FAMILIES, EFFECTS, num_seeds, family)


@cache
def detectable_log_ratio(num_seeds: int, family: int = 1) -> float:
    """Return the log of the smallest ratio of standard deviations detected with 80% power.

    Read as `detectable_effect`; infinite too where no order of ranks has a p small enough.
    """
    if 2 / float(special.factorial(num_seeds)) >= CUT / max(family, 1):
        return float("inf")
    return _read(RATIO_SEEDS, RATIO_FAMILIES, LOG_RATIOS, num_seeds, family)


def seeds_needed(effect: float, family: int, detectable: Callable[[int, int], float]) -> int | None:
    """Return the fewest seeds that detect an effect; None where 1,000 do not suffice."""
    low, high = SEEDS[0], MAX_SEEDS
    if not effect > 0 or detectable(high, family) > effect:
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if detectable(middle, family) <= effect else (middle + 1, high)
    return low


def _read(
    seeds: Sequence[int],
    families: Sequence[int],
    effects: Sequence[Sequence[float]],
    num_seeds: int,
    family: int,
) -> float:
    if num_seeds < seeds[0]:
        return float("inf")
    sizes = np.log2(families)
    by_seeds = np.array(effects) * np.sqrt(seeds)[:, None]  # in standard errors: nearly straight
    inverse_seeds = 1 / np.array(seeds, dtype=np.float64)
    column = [np.interp(1 / num_seeds, inverse_seeds[::-1], of[::-1]) for of in by_seeds.T]
    size = np.log2(max(family, 1))
    if size > sizes[-1]:
        slope = (column[-1] - column[-2]) / (sizes[-1] - sizes[-2])
        effect = column[-1] + slope * (size - sizes[-1])
    else:
        effect = np.interp(size, sizes, column)
    return float(effect / np.sqrt(num_seeds))
