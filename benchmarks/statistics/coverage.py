"""Coverage of 95% intervals of a mean difference and of an interquartile mean."""

import numpy as np
import pandas as pd
from scenarios import SCENARIOS

from mae_bench.analysis.moderated import Array
from mae_bench.analysis.stats import interquartile_mean, iqm_interval, mean_intervals

_RESAMPLES = 2000
_CONDITIONS = 4  # of the interquartile mean, each half an SD above the one before
_MANY = 200_000  # seeds from which its true value is taken


def percentile(values: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the percentile bootstrap interval of each column's mean; NaN is left out."""
    low, high = np.full((2, values.shape[1]), np.nan)
    for column, own in enumerate(values.T):
        kept = own[np.isfinite(own)]
        means = rng.choice(kept, (_RESAMPLES, len(kept))).mean(axis=1)
        low[column], high[column] = np.quantile(means, [0.025, 0.975])
    return low, high


def bootstrap_t(values: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the studentised bootstrap interval of each column's mean."""
    low, high = np.full((2, values.shape[1]), np.nan)
    for column, own in enumerate(values.T):
        kept = own[np.isfinite(own)]
        error = kept.std(ddof=1) / np.sqrt(len(kept))
        drawn = rng.choice(kept, (_RESAMPLES, len(kept)))
        errors = drawn.std(axis=1, ddof=1) / np.sqrt(len(kept))
        is_spread = errors > 1e-12
        sizes = (drawn.mean(axis=1) - kept.mean())[is_spread] / errors[is_spread]
        if sizes.size:
            ends = kept.mean() - np.quantile(sizes, [0.975, 0.025]) * error
            low[column], high[column] = ends
    return low, high


def _share(low: Array, high: Array, truth: float = 0.0) -> float:
    return float(np.mean((low <= truth) & (truth <= high)))


def coverage(num_seeds: int, name: str, studies: int) -> pd.DataFrame:
    """Return the share of intervals that hold the true value."""
    rng = np.random.default_rng(num_seeds)
    values = SCENARIOS[name](rng, (studies, num_seeds, 1))[0][..., 0].T
    shares = {
        "t": _share(*mean_intervals(values)),
        "percentile bootstrap": _share(*percentile(values, rng)),
        "bootstrap-t": _share(*bootstrap_t(values, rng)),
    }
    if not np.isnan(values).any() and not name.startswith("published"):
        offsets = np.arange(_CONDITIONS) / 2
        many, spread = SCENARIOS[name](rng, (1, _MANY, _CONDITIONS))
        truth = interquartile_mean(many[0] + offsets * float(np.mean(spread)))
        drawn, _ = SCENARIOS[name](rng, (studies, num_seeds, _CONDITIONS))
        ends = [iqm_interval(study + offsets * float(np.mean(spread))) for study in drawn]
        if "unequal" not in name:  # there every study has a truth of its own
            shares["iqm, jackknife t"] = _share(*np.array(ends).T, truth)
    return pd.DataFrame(
        [
            {"seeds": num_seeds, "scenario": name, "interval": kind, "coverage": share}
            for kind, share in shares.items()
        ]
    )
