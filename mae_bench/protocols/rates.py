"""Which learning rate to try next, once those of a grid were tried."""

from collections.abc import Sequence

from mae_bench.protocols.outcome import Trial, choose, grid_edges
from mae_bench.tasks.base import Task


def rate_beyond(task: Task, trials: Sequence[Trial]) -> list[float]:
    """Return the rate to try next where the best is at an edge of those tried, else nothing.

    It is as far off as the grid's own step at that edge, by factor.
    """
    if all(trial.value is None for trial in trials):
        return []
    best = choose(task, trials)
    edge = (grid_edges(task, trials, best) or {}).get("learning_rate")
    if edge is None:
        return []
    rates = sorted(float(trial.chosen["learning_rate"]) for trial in trials)
    end, inside = (rates[0], rates[1]) if edge == "lowest" else (rates[-1], rates[-2])
    return [float(f"{end * end / inside:.3g}")]
