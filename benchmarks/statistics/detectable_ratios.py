"""Make the table of smallest detectable ratios of standard deviations that the package reads.

    python benchmarks/statistics/detectable_ratios.py   # writes the same file of analysis

For each number of seeds and size of family: the log of the ratio at which 80% of claims on spread
get a verdict, both sides normal and independent, and nothing else in the family true.
"""

from itertools import permutations

import numpy as np
from detectable import POWER, SEEDS, write_table
from scipy import special, stats

from mae_bench.analysis.moderated import Array
from mae_bench.analysis.spread import MAX_COUNTED
from mae_bench.analysis.stats import CUT, LEVEL

FAMILIES = (1, 2, 4, 8)
_STUDIES, _STEPS = 20_000, 30


def is_decided(first: Array, second: Array, family: int) -> Array:
    """Return [B] whether a claim on [B, n] sides is decided: by ranks, and by the interval."""
    n = first.shape[1]
    sums, gaps = first + second, first - second
    ranks = [stats.rankdata(side, axis=1) - (n + 1) / 2 for side in (sums, gaps)]
    scale = float((ranks[0][0] ** 2).sum())
    rank = np.abs((ranks[0] * ranks[1]).sum(axis=1)) / scale
    if n <= MAX_COUNTED:
        orders = np.array(list(permutations(range(n)))) - (n - 1) / 2
        null = np.sort(np.abs(orders @ (np.arange(n) - (n - 1) / 2))) / scale
        p = (len(null) - np.searchsorted(null, rank - 1e-9)) / len(null)
    else:
        p = 2 * special.stdtr(n - 2, -_t(rank, n))
    sums, gaps = (side - side.mean(axis=1, keepdims=True) for side in (sums, gaps))
    spreads = np.sqrt((sums**2).sum(axis=1) * (gaps**2).sum(axis=1))
    pearson = np.abs((sums * gaps).sum(axis=1)) / spreads
    is_clear = _t(pearson, n) > special.stdtrit(n - 2, 1 - LEVEL / 2)
    return np.asarray((p * family < CUT) & is_clear)


def _t(correlation: Array, n: int) -> Array:
    return correlation * np.sqrt((n - 2) / np.maximum(1 - correlation**2, 1e-12))


def effect(num_seeds: int, family: int) -> float:
    """Return the log ratio detected with 80% power; every ratio is tried on the same noise."""
    rng = np.random.default_rng(num_seeds)
    first, second = rng.standard_normal((2, _STUDIES, num_seeds))
    low, high = 0.0, 12.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        power = is_decided(first * np.exp(middle), second, family).mean()
        low, high = (middle, high) if power < POWER else (low, middle)
    return high


def main() -> None:
    """Write the module that holds the table."""
    rows = np.array([[effect(count, family) for family in FAMILIES] for count in SEEDS])
    names = ("RATIO_SEEDS", "RATIO_FAMILIES", "LOG_RATIOS")
    title = "Logs of the smallest detectable ratios of standard deviations."
    write_table("detectable_ratios.py", title, names, FAMILIES, rows)


if __name__ == "__main__":
    main()
