"""The paired differences of a claim, and what they would be if lost runs counted against a side."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from mae_bench.analysis.failures import NO_LOSSES, Losses, Side, count_losses, held_against
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.questions import Bound, Part
from mae_bench.analysis.scores import Scores, Setting
from mae_bench.errors import DataError
from mae_bench.measures import PLAIN, Measure, measure_of
from mae_bench.specs import CLEAN, CORPUS, Claim
from mae_bench.specs.claim_axes import is_noise, sides_of
from mae_bench.specs.combinations import is_matched

Condition = tuple[str, Setting]  # a task and where it is read
Place = tuple[str, str, Setting]  # with the label of an arm before it


@dataclass(frozen=True)
class Pairs:
    """The gains [S, C] of one claim, complete seeds only, NaN elsewhere.

    A gain is above 0 where the treatment is better, whichever direction the metric calls better.

    Attributes:
        worst: [S] means over conditions with lost runs held against the treatment; NaN where the
            sides lost equally many.
        best: [S] the same, held against the control.
    """

    claim: Claim
    differences: Array
    worst: Array
    best: Array
    losses: Losses
    setting: Setting | None = None
    measure: Measure = PLAIN

    @cached_property
    def per_seed(self) -> Array:
        """[S] means over the conditions; NaN where a pair lacks."""
        return np.asarray(self.differences.mean(axis=1), dtype=np.float64)

    @property
    def unit(self) -> str:
        """What its differences are counted in."""
        return self.measure.unit

    @cached_property
    def n(self) -> int:
        """Seeds with every pair."""
        return int(np.isfinite(self.per_seed).sum())

    def worst_case(self, *, is_against: bool) -> Array:
        """Return [S] gains with lost runs held against treatment or control, if losses differ."""
        if self.losses.are_equal:
            return self.per_seed
        return self.worst if is_against else self.best

    @property
    def needed(self) -> tuple[Part, ...]:
        """The sides of the tested values on which the difference must lie."""
        margin = self.claim.margin
        if self.claim.test == "equivalence":
            return (Part(0, -margin, True), Part(0, margin, False))
        return (Part(0, -margin if self.claim.test == "non_inferiority" else margin, True),)

    @property
    def against(self) -> tuple[Part, ...]:
        """The other sides, of which one refutes."""
        return tuple(part.opposite for part in self.needed)

    def columns(self, bound: Bound) -> Array:
        """Return [S, 1] gains, with lost runs as they fell or held against a side."""
        if bound == "seen":
            return self.per_seed[:, None]
        return self.worst_case(is_against=bound == "low")[:, None]

    def own(self, bound: Bound) -> None:
        """Return nothing: its mean is tested."""


def pairs_of(claim: Claim, scores: Scores, setting: Setting | None) -> Pairs:
    """Return the differences of a claim; with ``setting``, in that one only."""
    chosen = [setting] if setting else [s for s in scores.settings if fits(claim, s, scores)]
    conditions = conditions_of(claim, scores, chosen)
    measure = common_measure(claim, metrics_of(claim, scores, conditions))
    nothing = np.full(len(scores.seeds), np.nan)
    columns, worst, best, losses = [], [], [], NO_LOSSES
    sides = [
        [oriented(scores.side(*place), measure.sign) for place in places_of(claim, condition)]
        for condition in conditions
    ]
    for treatment, control in sides:
        losses += count_losses(treatment, control)
        columns.append(treatment.values - control.values)
    for condition, (treatment, control) in zip(conditions, sides, strict=True):
        if losses.are_equal:  # nobody reads what it would be otherwise, and there may be thousands
            break
        lowest = scores.lowest(*condition, measure.sign)
        worst.append(held_against(treatment, control, lowest))
        best.append(-held_against(control, treatment, lowest))
    differences = np.stack(columns or [nothing], axis=1)
    # A seed counts only with all of its conditions: a mean over those that happen to be there
    # would compare seeds by which of their runs had failed.
    incomplete = ~np.isfinite(differences).all(axis=1)
    differences[incomplete] = np.nan
    return Pairs(
        claim,
        differences,
        np.mean(worst or [nothing], axis=0),
        np.mean(best or [nothing], axis=0),
        losses,
        setting,
        measure,
    )


def conditions_of(claim: Claim, scores: Scores, settings: Iterable[Setting]) -> list[Condition]:
    """Return the tasks that a claim reads in these settings."""
    return [
        (task, where)
        for where in settings
        for task in (scores.tasks_in(where) if claim.task is None else (claim.task,))
    ]


def places_of(claim: Claim, condition: Condition) -> tuple[Place, Place]:
    """Return the arm, task and setting where each side of a claim is read."""
    task, where = condition
    there = replace(where, protocol=claim.control_protocol or where.protocol)
    return (claim.treatment, task, where), (claim.control, task, there)


def metrics_of(claim: Claim, scores: Scores, conditions: Sequence[Condition]) -> set[str]:
    """Return the metrics that a claim reads on both sides."""
    places = (place for condition in conditions for place in places_of(claim, condition))
    cells = (scores.cells.get(place) for place in places)
    return {cell.metric for cell in cells if cell}


def oriented(side: Side, sign: int) -> Side:
    """Return a side with its values turned, so that what is claimed is up."""
    return replace(side, values=sign * side.values)


def common_measure(claim: Claim, metrics: set[str]) -> Measure:
    """Return how the metrics of a claim are read.

    Raises:
        DataError: they are not read alike, so that their mean has no meaning.
    """
    measures = {measure_of(metric) for metric in metrics} or {PLAIN}
    if len(measures) > 1:
        raise DataError(
            f"the claim '{claim.sentence}' is a mean over {', '.join(sorted(metrics))}, which have "
            "no common unit or direction; name a task or a metric"
        )
    return measures.pop()


def fits(claim: Claim, setting: Setting, scores: Scores) -> bool:
    """Whether a claim reads a setting; along an axis, whether any of its values is it."""
    # a mean over scores of tasks and what is inside an encoder would mean nothing
    is_read = setting.protocol in scores.corpus_protocols
    if (setting.protocol, claim.task) in scores.unread:
        return False
    is_named = claim.protocol == setting.protocol or claim.metric is not None
    if is_read != (claim.task == CORPUS) and not (is_read and is_named):
        return False
    if not all(scores.is_asked(arm, setting) for arm in sides_of(claim)):
        return False
    noise = setting.noise
    is_start = claim.along == "noise_rate" and noise == CLEAN
    return (
        (setting.pretrain_ratio != 0 or not claim.control)  # there all arms are one run
        and claim.protocol in (None, setting.protocol)
        and claim.train_size in (None, setting.train_size)
        and (is_start or is_noise(noise, claim.noise))
        and is_matched(claim.grid, dict(setting.point))
    )
