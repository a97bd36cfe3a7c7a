"""Whose variance: how much of the spread of scores is of pretrainings, how much of fine-tunes.

Needs a study with `finetune_seeds`. Legend: A arms, S seeds, F fine-tunes of each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mae_bench.analysis.crossed_variance import CrossedComponents, crossed_components
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.scores import Scores, Setting
from mae_bench.analysis.variance import Components, nested_components
from mae_bench.measures import Measure

MEAN = "mean of tasks"
_MAX_PROTOCOLS = 3  # that are shown


@dataclass(frozen=True)
class VarianceLine:
    """The components of one arm's scores, or of its paired differences from another arm.

    Attributes:
        against: the other arm; None for single scores.
        task: a task, or `MEAN`.
        components: None where there are too few runs, or fine-tunes do not differ.
    """

    arm: str
    against: str | None
    task: str
    setting: Setting
    components: Components | None
    measure: Measure


@dataclass(frozen=True)
class SharedLine:
    """What the trained arms of a study share of the spread on a task."""

    arms: Sequence[str]
    task: str
    setting: Setting
    components: CrossedComponents


def variance_lines(scores: Scores) -> list[VarianceLine]:
    """Return a line for each arm and each pair of arms, on each task in each setting.

    Encoders from outside have none: another seed is no other pretraining of them.
    """
    arms = [arm.label for arm in scores.of_role("trained", "untrained")]
    lines = []
    for setting in repeated_settings(scores):
        for task, measure in _columns(scores, setting):
            runs = {arm: _runs(scores, arm, task, setting) for arm in arms}
            sides: list[tuple[str, str | None]] = [(arm, None) for arm in arms]
            sides += [(one, other) for other, one in combinations(arms, 2)]
            for arm, against in sides:
                values = runs[arm] if against is None else runs[arm] - runs[against]
                found = nested_components(values)
                lines.append(VarianceLine(arm, against, task, setting, found, measure))
    return lines


def shared_lines(scores: Scores) -> list[SharedLine]:
    """Return a line for each task in each setting where two trained arms have all runs."""
    arms = [arm.label for arm in scores.of_role("trained")]
    lines = []
    for setting in repeated_settings(scores) if len(arms) > 1 else ():
        for task, _ in _columns(scores, setting):
            runs = np.broadcast_arrays(*(_runs(scores, arm, task, setting) for arm in arms))
            if found := crossed_components(np.stack(runs)):
                lines.append(SharedLine(arms, task, setting, found))
    return lines


def shown_settings(scores: Scores) -> list[Setting]:
    """Return the first setting of each protocol that has several fine-tunes."""
    by_protocol = {s.protocol: s for s in reversed(repeated_settings(scores))}
    order = dict.fromkeys(setting.protocol for setting in scores.settings)
    return [by_protocol[name] for name in order if name in by_protocol][:_MAX_PROTOCOLS]


def repeated_settings(scores: Scores) -> list[Setting]:
    """Return the settings in which checkpoints have several fine-tunes; 0 of a budget has none."""
    arms = {arm.label for arm in scores.of_role("trained", "untrained")}
    several = {
        setting
        for (arm, _, setting), cell in scores.cells.items()
        if arm in arms and cell.finetunes.shape[1] > 1 and setting.pretrain_ratio != 0
    }
    return [setting for setting in scores.settings if setting in several]


def _columns(scores: Scores, setting: Setting) -> Iterator[tuple[str, Measure]]:
    """Yield the tasks of a setting, and their mean where it has one."""
    tasks = scores.tasks_in(setting)
    yield from ((task, scores.measure(task, setting)) for task in tasks)
    if (of_mean := scores.mean_measure(setting)) is not None:
        yield MEAN, of_mean


def _runs(scores: Scores, arm: str, task: str, setting: Setting) -> Array:
    """Return [S, F] single runs, NaN where there is none."""
    tasks = scores.tasks_in(setting) if task == MEAN else (task,)
    cells = [cell for name in tasks if (cell := scores.cells.get((arm, name, setting)))]
    if len(cells) < len(tasks):
        return np.full((len(scores.seeds), 1), np.nan)
    runs: Array = np.mean([cell.finetunes for cell in cells], axis=0)
    return runs
