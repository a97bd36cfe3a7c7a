"""The best of a table with its ties: every arm that is not shown to differ from the best mean.

The best is chosen after looking, so that no single comparison with it is a fair test: what all
pairs of arms decide is asked, see `pairwise`.
"""

from collections.abc import Mapping

import numpy as np

from mae_bench.analysis.moderated import Array
from mae_bench.analysis.pairwise import Decisions
from mae_bench.analysis.scores import COMPARED, Scores, Setting
from mae_bench.specs import MIN_SEEDS


def best_with_ties(
    scores: Scores, setting: Setting, decisions: Decisions
) -> Mapping[str | None, frozenset[str]]:
    """Return the arms by task that are best or not shown to differ from it; None: mean of tasks.

    An arm takes part with as many seeds as a verdict needs; floors are there to be passed. A task
    has no entry where fewer than two arms do, nor has the mean of tasks that are not read alike.
    There are no entries at all where not all pairs of arms were tested.
    """
    if decisions.only_with is not None or setting not in decisions.beaten:
        return {}
    own, outside = decisions.beaten[setting], decisions.with_outside[setting]
    tasks: list[str | None] = list(scores.tasks_in(setting))
    if len(tasks) > 1 and scores.shared_measure(setting) is not None:
        tasks.append(None)
    arms = [arm.label for arm in scores.of_role(*COMPARED, "untrained")]
    best = {}
    for task in tasks:
        gains = {arm: _gains(scores, arm, task, setting) for arm in arms}
        ready = {arm: g for arm, g in gains.items() if np.isfinite(g).sum() >= MIN_SEEDS}
        if len(ready) < 2:
            continue
        first = max(ready, key=lambda arm: float(np.nanmean(ready[arm])))
        shared = {arm: int(np.isfinite(g - ready[first]).sum()) for arm, g in ready.items()}
        decided = own.get(task, frozenset()) | outside.get(task, frozenset())
        best[task] = frozenset(
            arm for arm in ready if shared[arm] >= MIN_SEEDS and (first, arm) not in decided
        )
    return best


def _gains(scores: Scores, arm: str, task: str | None, setting: Setting) -> Array:
    """Return [S] gains; of the mean of tasks, where a seed has them all."""
    tasks = scores.tasks_in(setting) if task is None else (task,)
    columns = [
        scores.measure(name, setting).sign * scores.values(arm, name, setting) for name in tasks
    ]
    return np.asarray(np.mean(columns, axis=0), dtype=np.float64)
