"""The best of a table with its ties: every arm that is not shown to differ from the best mean.

The best is chosen after looking, so that no single comparison with it is a fair test. All pairs of
arms on all tasks of a setting are one family, their means over tasks another, as everywhere.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from mae_bench.analysis.claims import decided_pairs
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.scores import COMPARED, Role, Scores, Setting
from mae_bench.specs import MIN_SEEDS

RANKED: tuple[Role, ...] = (*COMPARED, "untrained")  # floors are there to be passed


def best_with_ties(scores: Scores, setting: Setting) -> Mapping[str | None, frozenset[str]]:
    """Return the arms by task that are best or not shown to differ from it; None: mean of tasks.

    An arm takes part with as many seeds as a verdict needs. A task has no entry where fewer than
    two do; nor has the mean of tasks, where tasks are not read alike or there is one only.
    """
    if setting.pretrain_ratio == 0:  # where all arms are one run
        return {}
    tasks: list[str | None] = list(scores.tasks_in(setting))
    arms = [arm.label for arm in scores.of_role(*RANKED)]
    beaten = decided_pairs(scores, combinations(arms, 2), setting)
    if len(tasks) > 1 and scores.shared_measure(setting) is not None:
        beaten |= decided_pairs(scores, combinations(arms, 2), setting, (None,))
        tasks.append(None)
    best = {}
    for task in tasks:
        ready = {arm: _values(scores, arm, task, setting) for arm in arms}
        ready = {arm: v for arm, v in ready.items() if np.isfinite(v).sum() >= MIN_SEEDS}
        if len(ready) < 2:
            continue
        first = max(ready, key=lambda arm: float(np.nanmean(ready[arm])))
        shared = {arm: int(np.isfinite(v - ready[first]).sum()) for arm, v in ready.items()}
        shown_worse = {worse for better, worse in beaten.get(task, ()) if better == first}
        best[task] = frozenset(
            arm for arm in ready if shared[arm] >= MIN_SEEDS and arm not in shown_worse
        )
    return best


def _values(scores: Scores, arm: str, task: str | None, setting: Setting) -> Array:
    """Return [S] gains; of the mean of tasks, where a seed has them all."""
    tasks = scores.tasks_in(setting) if task is None else (task,)
    columns = [
        scores.measure(name, setting).sign * scores.values(arm, name, setting) for name in tasks
    ]
    return np.asarray(np.mean(columns, axis=0), dtype=np.float64)
