"""Whether a trial's values lie at the edge of what was searched: a better one may lie beyond."""

import math
from collections.abc import Sequence
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial

EDGE_SHARE = 0.05  # of a range, in logarithms where it is drawn so


def search_edges(trial: FrozenTrial) -> dict[str, str]:
    """Return the drawn values at an edge of their search, as ``lowest`` or ``highest``.

    Of a range that is its first or last `EDGE_SHARE`, or its first or last step where steps are
    wider; of a list of numbers the smallest or the largest. A list of anything else has no edge.
    """
    edges = {name: _edge(trial.params[name], d) for name, d in trial.distributions.items()}
    return {name: edge for name, edge in edges.items() if edge}


def _edge(value: Any, distribution: BaseDistribution) -> str:
    share = EDGE_SHARE
    low: Any
    high: Any
    if isinstance(distribution, FloatDistribution | IntDistribution):
        low, high = distribution.low, distribution.high
        if distribution.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
    elif isinstance(distribution, CategoricalDistribution) and _are_numbers(distribution.choices):
        choices: tuple[Any, ...] = distribution.choices
        low, high = min(choices), max(choices)
        share = 0.0  # nothing lies between two numbers of a list
    else:
        return ""
    if low >= high:
        return ""
    position = (value - low) / (high - low)
    return "lowest" if position <= share else "highest" if position >= 1 - share else ""


def _are_numbers(choices: Sequence[object]) -> bool:
    return all(type(choice) in (int, float) for choice in choices)
