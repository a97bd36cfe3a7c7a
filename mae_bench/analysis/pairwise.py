"""Every pair of arms at once: which differences a setting decides, on each task and on their mean.

The same verdicts as those of `claims`, without their numbers, for families of thousands: all pairs
on all tasks of a setting are one family, their means over the tasks another.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mae_bench.analysis.failures import Side, held_against
from mae_bench.analysis.messages import message
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.scores import Role, Scores, Setting
from mae_bench.analysis.stats import CUT, family_test, mean_intervals
from mae_bench.specs import MIN_SEEDS

OWN: tuple[Role, ...] = ("trained", "untrained")  # outside arms share no pretraining with these
MAX_TESTS = 20_000  # of one family

Pair = tuple[str, str]
Beaten = Mapping[str | None, frozenset[Pair]]  # (better, worse) by task; None: the mean of tasks


@dataclass(frozen=True)
class Decisions:
    """The pairs of arms that a study decides.

    Attributes:
        beaten: by setting, then by task; a setting where nothing is compared is absent.
        among: the arms whose pairs were tested.
        with_outside: likewise for pairs with an arm from outside, a family of their own.
        only_with: the arm that every pair holds where all pairs would be too many; else None.
    """

    beaten: Mapping[Setting, Beaten]
    with_outside: Mapping[Setting, Beaten]
    among: tuple[str, ...]
    only_with: str | None

    @property
    def note(self) -> str:
        """A sentence on pairs that were not tested; empty where all were."""
        if self.only_with is None:
            return ""
        return message("winners.only_with", arm=self.only_with, n=len(self.among))


def decide_all(scores: Scores, control: str | None) -> Decisions:
    """Return what every setting decides between its arms; floors take no part."""
    own = [arm.label for arm in scores.of_role(*OWN)]
    outside = [arm.label for arm in scores.of_role("outside")]
    num_tasks = max((len(scores.tasks_in(setting)) for setting in scores.settings), default=0)
    everyone = [*own, *outside]
    with_outside = [pair for pair in combinations(everyone, 2) if pair[1] in set(outside)]
    pairs, only_with = list(combinations(own, 2)), None
    if max(len(pairs), len(with_outside)) * num_tasks > MAX_TESTS:
        only_with = control or everyone[0]
        pairs = [pair for pair in pairs if only_with in pair]
        with_outside = [pair for pair in with_outside if only_with in pair]
    # where no budget goes to pretraining all arms are one run
    settings = [setting for setting in scores.settings if setting.pretrain_ratio != 0]
    return Decisions(
        beaten={setting: _both(scores, pairs, setting) for setting in settings},
        with_outside={setting: _both(scores, with_outside, setting) for setting in settings},
        among=tuple(own if only_with in own or only_with is None else everyone),
        only_with=only_with,
    )


def _both(scores: Scores, sides: Sequence[Pair], setting: Setting) -> Beaten:
    """Return what is decided on each task, and on their mean where that has a meaning."""
    tasks = scores.tasks_in(setting)
    beaten = dict(decided_pairs(scores, sides, setting, tasks))
    if scores.mean_measure(setting) is not None:
        beaten |= decided_pairs(scores, sides, setting, [None])
    return beaten


def decided_pairs(
    scores: Scores, sides: Iterable[Pair], setting: Setting, tasks: Sequence[str | None]
) -> Beaten:
    """Return (better, worse) by task for those of the pairs of arms that a setting decides.

    Args:
        scores: of the study.
        sides: the pairs of arms, by label.
        setting: in which they are compared.
        tasks: all pairs on all of these are one family; None is the mean of all tasks.
    """
    sides = list(sides)
    if not sides:
        return {}
    blocks = [_differences(scores, sides, setting, task) for task in tasks]
    units = [_unit(scores, setting, task) for task in tasks for _ in sides]
    values, worst, best = (np.concatenate(part, axis=1) for part in zip(*blocks, strict=True))
    ready = np.flatnonzero(np.isfinite(values).sum(axis=0) >= MIN_SEEDS)
    if not len(ready):
        return {}
    units = [units[column] for column in ready]
    signs = _signs(values[:, ready], units)
    # As in `outcomes`: a decision must hold when unequal losses count against the side that won.
    if not _same(values, worst):
        signs = np.where((signs > 0) & (_signs(worst[:, ready], units) <= 0), 0, signs)
    if not _same(values, best):
        signs = np.where((signs < 0) & (_signs(best[:, ready], units) >= 0), 0, signs)
    beaten: dict[str | None, set[Pair]] = {}
    for column, sign in zip(ready.tolist(), signs.tolist(), strict=True):
        if sign:
            one, other = sides[column % len(sides)]
            pair = (one, other) if sign > 0 else (other, one)
            beaten.setdefault(tasks[column // len(sides)], set()).add(pair)
    return {task: frozenset(pairs) for task, pairs in beaten.items()}


def _same(one: Array, other: Array) -> bool:
    return np.array_equal(one, other, equal_nan=True)


def _differences(
    scores: Scores, sides: Sequence[Pair], setting: Setting, task: str | None
) -> tuple[Array, Array, Array]:
    """Return the gains [S, pairs], and those with lost runs held against the one and the other."""
    labels = list(dict.fromkeys(label for pair in sides for label in pair))
    index = {label: position for position, label in enumerate(labels)}
    one = np.array([index[pair[0]] for pair in sides])
    other = np.array([index[pair[1]] for pair in sides])
    parts = []
    lost = np.zeros((len(labels), 2), dtype=np.int64)  # failed and collapsed runs of each arm
    for name in scores.tasks_in(setting) if task is None else (task,):
        whole = _side(scores, labels, name, setting)
        lost += np.stack([whole.is_failed.sum(axis=0), whole.is_collapsed.sum(axis=0)], axis=1)
        first, second = _taken(whole, one), _taken(whole, other)
        lowest = scores.lowest(name, setting, scores.measure(name, setting).sign)
        parts.append(
            (
                first.values - second.values,
                held_against(first, second, lowest),
                -held_against(second, first, lowest),
            )
        )
    # a seed without one of the tasks counts on none
    values, worst, best = (np.mean(part, axis=0) for part in zip(*parts, strict=True))
    are_equal = (lost[one] == lost[other]).all(axis=1)
    return values, np.where(are_equal, values, worst), np.where(are_equal, values, best)


def _side(scores: Scores, labels: Sequence[str], task: str, setting: Setting) -> Side:
    """Return the gains and losses [S, arms] of a task."""
    sign = scores.measure(task, setting).sign
    sides = [scores.side(label, task, setting) for label in labels]
    return Side(
        sign * np.stack([side.values for side in sides], axis=1),
        np.stack([side.is_failed for side in sides], axis=1),
        np.stack([side.is_collapsed for side in sides], axis=1),
    )


def _taken(side: Side, columns: NDArray[np.int64]) -> Side:
    return Side(side.values[:, columns], side.is_failed[:, columns], side.is_collapsed[:, columns])


def _unit(scores: Scores, setting: Setting, task: str | None) -> str:
    measure = scores.mean_measure(setting) if task is None else scores.measure(task, setting)
    return measure.unit if measure else ""


def _signs(columns: Array, units: Sequence[str]) -> NDArray[np.int64]:
    """Return [K] 1 or -1 where a difference is decided, tested and by its interval; else 0."""
    test = family_test(columns, [(0.0,)] * columns.shape[1], units=units)
    means = np.nanmean(columns, axis=0)
    low, high = mean_intervals(columns)
    is_sure = test.p_family < CUT
    is_above = is_sure & (means > 0) & (low > 0)
    is_below = is_sure & (means < 0) & (high < 0)
    return np.asarray(is_above.astype(np.int64) - is_below, dtype=np.int64)
