"""An arm, or its difference from another, along an axis of a study: the places and their numbers.

Numbers are turned so that the direction of the claim is up: a claim that something falls has them
with the opposite sign. Legend: S seeds, P places.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise, product

import numpy as np

from mae_bench.analysis.failures import Losses, Side, count_losses, held_against
from mae_bench.analysis.messages import message
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.pairs import common_measure, fits, oriented
from mae_bench.analysis.questions import per_seed
from mae_bench.analysis.scores import Scores, Setting, summarise
from mae_bench.analysis.verdicts import Place
from mae_bench.measures import Measure
from mae_bench.specs import CLEAN, Claim, percent

Condition = tuple[str, Setting]  # a task and where it is read
_NOTHING = np.zeros(0, dtype=bool)


@dataclass(frozen=True)
class Gap:
    """One place less an earlier one: [S] as seen, and with lost runs held against each side."""

    seen: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class Along:
    """What a claim along an axis reads.

    Attributes:
        labels: [P] of the values, in order.
        values: [P] as numbers; places of arms are only counted.
        arms: [P] the arm that is read at each place.
        conditions: [P] lists of tasks and settings, of the same length and order.
        named: [P] values as a study writes them, a noise whole; empty along arms.
        trouble: why the places have no order; else empty.
    """

    claim: Claim
    scores: Scores
    labels: tuple[str, ...]
    values: tuple[float, ...]
    arms: tuple[str, ...]
    conditions: tuple[tuple[Condition, ...], ...]
    named: tuple[object, ...] = ()
    trouble: str = ""

    @cached_property
    def measure(self) -> Measure:
        """How the metric is read."""
        arms = {*self.arms, *([self.claim.control] if self._has_control else [])}
        keys = product(arms, {c for conditions in self.conditions for c in conditions})
        cells = (self.scores.cells.get((arm, *condition)) for arm, condition in keys)
        return common_measure(self.claim, {cell.metric for cell in cells if cell})

    @property
    def sign(self) -> int:
        """What a number of the rows is multiplied with, so that the claimed direction is up."""
        return 1 if self.claim.direction == "rises" else -1

    @property
    def _has_control(self) -> bool:
        return bool(self.claim.control) and not isinstance(self.claim.along, tuple)

    @cached_property
    def numbers(self) -> Array:
        """[S, P] means over the conditions; NaN for a seed that lacks one at any place."""
        columns = []
        for place in range(len(self.labels)):
            sides = [self._sides(place, condition) for condition in self.conditions[place]]
            values = [side.values - (0.0 if c is None else c.values) for side, c in sides]
            nothing = np.full(len(self.scores.seeds), np.nan)
            columns.append(np.mean(values, axis=0) if values else nothing)
        numbers = np.stack(columns, axis=1)
        numbers[~np.isfinite(numbers).all(axis=1)] = np.nan
        return numbers

    @property
    def n(self) -> int:
        """Seeds with every number."""
        return len(per_seed(self.numbers))

    def place_of(self, value: object) -> int | None:
        """Return the place of a value that a claim names; None where nothing was run there."""
        places = [n for n, own in enumerate(self.named) if getattr(own, "rate", own) == value]
        return places[0] if places else None

    def gap(self, later: int, earlier: int) -> Gap:
        """Return what a place has more than an earlier one."""
        seen = self.numbers[:, later] - self.numbers[:, earlier]
        if self._has_control:
            (low, high), (low_before, high_before) = self.lead(later), self.lead(earlier)
            return Gap(seen, low - high_before, high - low_before)
        lows, highs = [], []
        for at, before in zip(self.conditions[later], self.conditions[earlier], strict=True):
            side, other = self._sides(later, at)[0], self._sides(earlier, before)[0]
            worst = min(self._lowest(at), self._lowest(before))
            lows.append(held_against(side, other, worst))
            highs.append(-held_against(other, side, worst))
        return Gap(seen, np.mean(lows or [seen], axis=0), np.mean(highs or [seen], axis=0))

    def lead(self, place: int) -> tuple[Array, Array]:
        """Return [S] treatment minus control at a place, lost runs held against each side."""
        lows, highs = [self.numbers[:, place]], [self.numbers[:, place]]
        for number, condition in enumerate(self.conditions[place]):
            side, control = self._sides(place, condition)
            assert control is not None
            worst = self._lowest(condition)
            if not number:
                lows, highs = [], []
            lows.append(held_against(side, control, worst))
            highs.append(-held_against(control, side, worst))
        return np.mean(lows, axis=0), np.mean(highs, axis=0)

    @cached_property
    def losses(self) -> Losses:
        """Failed and collapsed runs at each place."""
        total, by_place = Losses(), []
        for place, label in enumerate(self.labels):
            here = Losses()
            for condition in self.conditions[place]:
                side, control = self._sides(place, condition)
                here += count_losses(side, control or Side(_NOTHING, _NOTHING, _NOTHING))
            total += here
            by_place.append((label, here.num_failed, here.num_collapsed))
        sides = {(failed, collapsed) for _, failed, collapsed in by_place}
        is_even = len(sides) == 1 and (not self._has_control or total.are_equal)
        return replace(total, by_place=tuple(by_place), is_even=is_even)

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """What is seen at each place, as rows hold it."""
        columns = self.sign * self.numbers.T
        return tuple(
            Place(label, *summarise(column))
            for label, column in zip(self.labels, columns, strict=True)
        )

    def _sides(self, place: int, condition: Condition) -> tuple[Side, Side | None]:
        side = oriented(self.scores.side(self.arms[place], *condition), self.sign)
        if not self._has_control:
            return side, None
        return side, oriented(self.scores.side(self.claim.control, *condition), self.sign)

    def _lowest(self, condition: Condition) -> float:
        every = [self.scores.values(arm.label, *condition) for arm in self.scores.arms]
        values = self.sign * np.concatenate(every)
        return float(np.nanmin(values)) if np.isfinite(values).any() else float("nan")


def read_along(claim: Claim, scores: Scores) -> Along:
    """Return what a claim along an axis reads, its places in order."""
    chosen = [setting for setting in scores.settings if fits(claim, setting, scores)]
    if isinstance(claim.along, tuple):
        conditions = tuple(_conditions(claim, scores, chosen))
        places = tuple(float(number) for number in range(len(claim.along)))
        repeated = (conditions,) * len(places)
        return Along(claim, scores, claim.along, places, claim.along, repeated)
    if claim.along == "train_size":
        chosen = [setting for setting in chosen if not setting.is_unlabelled]
    by_rest: dict[Setting, None] = dict.fromkeys(_at(claim, setting) for setting in chosen)
    common = tuple(_conditions(claim, scores, by_rest))
    found = list(dict.fromkeys(_value(claim, setting) for setting in chosen))
    ordered, numbers, trouble = _ordered(claim, scores, found, common)
    conditions_by_place = tuple(
        tuple((task, _at(claim, rest, value)) for task, rest in common) for value in ordered
    )
    labels = tuple(_label(claim, value) for value in ordered)
    arms = (claim.treatment,) * len(labels)
    return Along(claim, scores, labels, numbers, arms, conditions_by_place, ordered, trouble)


def _conditions(claim: Claim, scores: Scores, settings: Iterable[Setting]) -> list[Condition]:
    return [
        (task, where)
        for where in settings
        for task in (scores.tasks_in(where) if claim.task is None else (claim.task,))
    ]


def _value(claim: Claim, setting: Setting) -> object:
    """Return where a setting lies on the axis of a claim."""
    return setting.noise if claim.along == "noise_rate" else getattr(setting, str(claim.along))


def _at(claim: Claim, setting: Setting, value: object = None) -> Setting:
    """Return a setting with a value of the axis; without one, what all places share."""
    blank = {"train_size": "all", "noise_rate": CLEAN}.get(str(claim.along))
    field = "noise" if claim.along == "noise_rate" else str(claim.along)
    changes: dict[str, object] = {field: blank if value is None else value}
    return replace(setting, **changes)  # type: ignore[arg-type]


def _label(claim: Claim, value: object) -> str:
    if claim.along == "pretrain_ratio":
        return percent(float(str(value)))
    if claim.along == "noise_rate":
        return f"{getattr(value, 'rate', 0.0):.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _ordered(
    claim: Claim, scores: Scores, found: Sequence[object], common: Sequence[Condition]
) -> tuple[tuple[object, ...], tuple[float, ...], str]:
    """Return the values in order, as numbers, and why they have none."""
    if claim.along != "train_size":
        numbers = {
            value: float(str(getattr(value, "rate", value))) for value in found if value is not None
        }
        ordered = sorted(numbers, key=lambda value: numbers[value])
        return tuple(ordered), tuple(numbers[value] for value in ordered), ""
    counts = {
        value: [_num_train(claim, scores, task, _at(claim, rest, value)) for task, rest in common]
        for value in found
    }
    ordered = sorted(found, key=lambda value: sum(counts[value]))
    for smaller, larger in pairwise(ordered):
        if any(a >= b for a, b in zip(counts[smaller], counts[larger], strict=True)):
            trouble = message("claim.no_larger", larger=larger, smaller=smaller)
            return tuple(ordered), tuple(map(float, range(len(ordered)))), trouble
    means = [float(np.mean(counts[value])) for value in ordered]
    return tuple(ordered), tuple(means), ""


def _num_train(claim: Claim, scores: Scores, task: str, where: Setting) -> float:
    """Return how many examples a size is; as written where nothing was run yet."""
    cells = (scores.cells.get((arm.label, task, where)) for arm in scores.arms)
    counts = [cell.n_train for cell in cells if cell and cell.n_train]
    if counts:
        return float(max(counts))
    return float(where.train_size) if isinstance(where.train_size, int) else float("inf")
