"""Adjusted p-values of a family of tests: along the last axis, so many families at once."""

import numpy as np

from mae_bench.analysis.moderated import Array


def holm(p: Array) -> Array:
    """Return family-wise p-values by Holm's step-down (1979), valid under any dependence."""
    order = np.argsort(p, axis=-1, kind="stable")
    factors = p.shape[-1] - np.arange(p.shape[-1])
    steps = np.maximum.accumulate(np.take_along_axis(p, order, -1) * factors, axis=-1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(steps, 1.0), -1)
    return adjusted


def false_discovery(p: Array) -> Array:
    """Return q-values by Benjamini and Hochberg (1995): the expected share of false discoveries."""
    order = np.argsort(-p, axis=-1, kind="stable")  # largest first
    factors = p.shape[-1] / np.arange(p.shape[-1], 0, -1)
    steps = np.minimum.accumulate(np.take_along_axis(p, order, -1) * factors, axis=-1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(steps, 1.0), -1)
    return adjusted
