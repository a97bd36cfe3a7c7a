"""Claims against rows: each becomes a verdict, with the numbers that it rests on.

A claim is judged on paired differences, treatment minus control, one for each seed. A claim
over several tasks or settings is averaged inside a seed first: the seed, not the task, is what
was repeated, and tasks of one seed share its pretraining. A seed counts only where every
condition of the claim has both sides; a failure is never filled in.

All tests are two-sided at 5%, read in one direction (one-sided at 2.5%), also for
non-inferiority and equivalence. A verdict needs the family-wise p and the printed 95% interval,
so that it contradicts neither. Where failures differ between the sides, it needs both a second
time, with those runs counted against the side that would win (`failures`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from mae_bench.analysis.failures import Losses, Side, count_losses, held_against
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.power import detectable_effect
from mae_bench.analysis.scores import Scores, Setting
from mae_bench.analysis.stats import (
    CUT,
    FamilyTest,
    family_test,
    interquartile_mean,
    iqm_interval,
    mean_intervals,
)
from mae_bench.errors import DataError
from mae_bench.measures import PLAIN, Measure, measure_of
from mae_bench.specs import CORPUS, MIN_SEEDS, Claim, Study

Outcome = Literal["supported", "refuted", "not decidable", "not run"]
NO_SCORES: Mapping[str, Scores] = MappingProxyType({})
_NAN = float("nan")
_SIGNED = ("difference", "median", "iqm")  # numbers of a verdict that change sides with its arms,
_ENDS = (("low", "high"), ("iqm_low", "iqm_high"))  # and intervals that do


@dataclass(frozen=True)
class Verdict:
    """What the rows say about one claim. Numbers are in the units of the metric.

    Differences are treatment minus control as measured; where lower is better, a gain is below 0.

    Attributes:
        measure: how the metric is read.
        family: the claims that were adjusted together.
        n: seeds with every pair of the claim.
        num_seeds: seeds of the study.
        num_conditions: tasks x settings that the claim is averaged over.
        low: lower end of the 95% t interval of the difference, from its own spread.
        high: its upper end.
        median: over seeds.
        iqm: interquartile mean over seeds and conditions; its interval for written claims only.
        sd: standard deviation over seeds.
        p: two-sided moderated-t p of the claim alone, against its margin.
        p_family: the same, family-wise (Holm); this one decides.
        q: the false discovery rate of all that is at least as sure (Benjamini and Hochberg).
        num_tests: tests that were adjusted together.
        better: posterior probability that the treatment is better, with a flat prior on the mean.
        equal_within: the smallest margin at which an equivalence would be supported.
        detectable: smallest difference that this family's test finds with 80% power at this n,
            for the spread that the test used.
        losses: failed and collapsed runs of each side; collapsed ones stay in the numbers.
        is_failure_bound: whether a decision fell because failures may have made it.
    """

    claim: Claim
    family: str
    outcome: Outcome
    reason: str
    n: int
    num_seeds: int
    num_conditions: int
    difference: float = _NAN
    low: float = _NAN
    high: float = _NAN
    median: float = _NAN
    iqm: float = _NAN
    iqm_low: float = _NAN
    iqm_high: float = _NAN
    sd: float = _NAN
    p: float = _NAN
    p_family: float = _NAN
    q: float = _NAN
    num_tests: int = 0
    better: float = _NAN
    equal_within: float = _NAN
    detectable: float = _NAN
    losses: Losses = Losses()
    is_failure_bound: bool = False
    corpus_tokens: int | None = None
    measure: Measure = PLAIN

    @property
    def num_failed(self) -> int:
        """Failed runs of both sides."""
        return self.losses.num_failed

    @property
    def num_collapsed(self) -> int:
        """Collapsed runs of both sides."""
        return self.losses.num_collapsed

    @property
    def word(self) -> str:
        """The outcome as tables print it."""
        return f"{self.outcome} (runs failed)" if self.is_failure_bound else self.outcome

    def turned(self) -> "Verdict":
        """Return the verdict with its differences the other way around."""
        signed = {name: -getattr(self, name) for name in _SIGNED}
        ends = {name: -getattr(self, other) for pair in _ENDS for name, other in (pair, pair[::-1])}
        return replace(self, **signed, **ends)

    def as_json(self) -> dict[str, Any]:
        """Return plain content, None for what is not a number."""
        content = {name: getattr(self, name) for name in self.__dataclass_fields__}
        content["claim"] = self.claim.model_dump(mode="json")
        content["measure"] = asdict(self.measure)
        content["losses"] = asdict(self.losses)
        return {
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in content.items()
        }


@dataclass(frozen=True)
class _Pairs:
    """The gains [S, C] of one claim, complete seeds only, NaN elsewhere.

    A gain is above 0 where the treatment is better, whichever direction the metric calls better.

    Attributes:
        worst: [S] means over conditions with lost runs held against the treatment.
        best: [S] the same, held against the control.
    """

    claim: Claim
    differences: Array
    worst: Array
    best: Array
    losses: Losses
    setting: Setting | None = None
    measure: Measure = PLAIN

    @property
    def per_seed(self) -> Array:
        return np.asarray(self.differences.mean(axis=1), dtype=np.float64)

    @property
    def n(self) -> int:
        return int(np.isfinite(self.per_seed).sum())

    def worst_case(self, *, is_against: bool) -> Array:
        """Return [S] gains with lost runs held against treatment or control, if losses differ."""
        if self.losses.are_equal:
            return self.per_seed
        return self.worst if is_against else self.best

    @property
    def margins(self) -> tuple[float, ...]:
        """The values of the difference that are tested."""
        margin = self.claim.margin
        if self.claim.test == "equivalence":
            return (-margin, margin)
        return (-margin,) if self.claim.test == "non_inferiority" else (margin,)


def control_of(study: Study, scores: Scores) -> str | None:
    """Return the label of the control: the study's, else the first mlm or trained arm."""
    trained = scores.of_role("trained")
    if study.control:
        return study.control
    of_mlm = [arm.label for arm in trained if arm.objective == "mlm"]
    return next(iter([*of_mlm, *(arm.label for arm in trained)]), None)


def judge_claims(
    study: Study, scores: Scores, others: Mapping[str, Scores] = NO_SCORES
) -> list[Verdict]:
    """Return the verdicts of the claims that the study wrote down; they are one family.

    ``others`` holds the scores of metrics that are not primary, by name.
    """
    return judge_family(study.claims, "claims of the study", study, scores, others)


def judge_family(
    claims: Sequence[Claim],
    family: str,
    study: Study,
    scores: Scores,
    others: Mapping[str, Scores] = NO_SCORES,
) -> list[Verdict]:
    """Return the verdicts of claims that are adjusted together."""
    pairs = [_pairs(claim, _read(claim, scores, others), None) for claim in claims]
    return _judge(pairs, family, study)


def _read(claim: Claim, scores: Scores, others: Mapping[str, Scores]) -> Scores:
    """Return the scores of a claim's metric, without any cell where no row holds it."""
    if claim.metric is None:
        return scores
    return others.get(claim.metric, replace(scores, cells={}))


def measure_in(claim: Claim, scores: Scores, others: Mapping[str, Scores] = NO_SCORES) -> Measure:
    """Return how the metric of a claim is read."""
    return _pairs(claim, _read(claim, scores, others), None).measure


def judge_comparisons(
    study: Study, scores: Scores, against: str, settings: Sequence[Setting] | None = None
) -> list[Verdict]:
    """Return "better than ``against``" for every trained arm, by task and over all tasks.

    A family is one table: all arms and tasks of one setting. The averages over tasks are a
    family of their own, as they repeat the same differences.
    """
    verdicts = []
    arms = [arm.label for arm in scores.of_role("trained") if arm.label != against]
    for setting in scores.settings if settings is None else settings:
        tasks = scores.tasks_in(setting)
        single = [_comparison(arm, against, task, setting) for arm in arms for task in tasks]
        family = f"against {against}: {setting.label}"
        verdicts += _judge([_pairs(c, scores, setting) for c in single], family, study)
        if len(tasks) > 1 and scores.shared_measure(setting) is not None:
            pooled = [_comparison(arm, against, None, setting) for arm in arms]
            family = f"against {against}, mean of tasks: {setting.label}"
            verdicts += _judge([_pairs(c, scores, setting) for c in pooled], family, study)
    return verdicts


def _comparison(arm: str, against: str, task: str | None, setting: Setting) -> Claim:
    return Claim(
        sentence=f"{arm} beats {against} on {task or 'the mean of all tasks'} ({setting.label})",
        treatment=arm,
        control=against,
        task=task,
        protocol=setting.protocol,
        # The table of rows holds sizes as text; the claim keeps the study's own type.
        train_size=_typed_size(setting.train_size),
        noise=setting.noise,
    )


def _typed_size(size: str) -> Any:
    if size == "all":
        return size
    return float(size) if "." in size or "e" in size else int(size)


def _pairs(claim: Claim, scores: Scores, setting: Setting | None) -> _Pairs:
    """Return the differences of a claim; with ``setting``, in that one only."""
    chosen = [setting] if setting else [s for s in scores.settings if _fits(claim, s, scores)]
    places = [
        (task, where)
        for where in chosen
        for task in (scores.tasks_in(where) if claim.task is None else (claim.task,))
    ]
    arms = (claim.treatment, claim.control)
    cells = (scores.cells.get((arm, *place)) for place in places for arm in arms)
    measure = _measure(claim, {cell.metric for cell in cells if cell})
    nothing = np.full(len(scores.seeds), np.nan)
    columns, worst, best, losses = [], [], [], Losses()
    for place in places:
        treatment, control = (_oriented(scores.side(arm, *place), measure) for arm in arms)
        losses += count_losses(treatment, control)
        columns.append(treatment.values - control.values)
        lowest = _lowest(scores, *place, measure)
        worst.append(held_against(treatment, control, lowest))
        best.append(-held_against(control, treatment, lowest))
    differences = np.stack(columns or [nothing], axis=1)
    incomplete = ~np.isfinite(differences).all(axis=1)
    differences[incomplete] = np.nan
    return _Pairs(
        claim,
        differences,
        np.mean(worst or [nothing], axis=0),
        np.mean(best or [nothing], axis=0),
        losses,
        setting,
        measure,
    )


def _oriented(side: Side, measure: Measure) -> Side:
    return replace(side, values=measure.sign * side.values)


def _lowest(scores: Scores, task: str, where: Setting, measure: Measure) -> float:
    """Return the worst score of any run in a place, as a gain."""
    found = [measure.sign * scores.values(arm.label, task, where) for arm in scores.arms]
    values = np.concatenate(found)
    values = values[np.isfinite(values)]
    return float(values.min()) if values.size else _NAN


def _measure(claim: Claim, metrics: set[str]) -> Measure:
    """Return how the metrics of a claim are read.

    Raises:
        DataError: they are not read alike, so that their mean says nothing.
    """
    found = {measure_of(metric) for metric in metrics} or {PLAIN}
    if len(found) > 1:
        raise DataError(
            f"the claim '{claim.sentence}' is a mean over {', '.join(sorted(metrics))}, which have "
            "no common unit or direction; name a task or a metric"
        )
    return found.pop()


def _fits(claim: Claim, setting: Setting, scores: Scores) -> bool:
    size = None if claim.train_size is None else str(claim.train_size)
    # a mean over scores of tasks and what is inside an encoder would mean nothing
    is_read = setting.protocol in scores.corpus_protocols
    is_asked = claim.protocol == setting.protocol or claim.metric is not None
    if is_read != (claim.task == CORPUS) and not (is_read and is_asked):
        return False
    return (
        claim.protocol in (None, setting.protocol)
        and size in (None, setting.train_size)
        and claim.noise in (None, setting.noise, setting.noise.split(" ")[0])
    )


def _judge(pairs: Sequence[_Pairs], family: str, study: Study) -> list[Verdict]:
    """Return verdicts, adjusted over those claims of the family that can be decided at all.

    A claim with fewer than six pairs is left out of the adjustment, for it can never be
    decided; which claims these are depends on n alone, not on the outcome.
    """
    if not pairs:
        return []
    ready = [pair for pair in pairs if pair.n >= MIN_SEEDS]
    found = iter(_found(ready, [pair.per_seed for pair in ready]))
    verdicts = []
    for pair in pairs:
        verdict = _described(pair, family)
        if pair.n >= MIN_SEEDS:
            verdict = _decided(verdict, next(found))
        verdicts.append(verdict)
    verdicts = _after_failures(verdicts, pairs)
    worded = [_worded(verdict, study) for verdict in verdicts]
    return [v.turned() if v.measure.sign < 0 else v for v in worded]


@dataclass(frozen=True)
class _Finding:
    """What the test of a family says about one claim: see `Verdict`."""

    outcome: Outcome
    p: float
    p_family: float
    q: float
    num_tests: int
    better: float
    equal_within: float
    spread: float


def _found(pairs: Sequence[_Pairs], columns: Sequence[Array]) -> list[_Finding]:
    """Return what the columns [S] of these claims show, as one family."""
    if not pairs:
        return []
    values = np.stack(columns, axis=1)
    test = family_test(values, [pair.margins for pair in pairs])
    means = np.nanmean(values, axis=0)
    ends = np.stack(mean_intervals(values))
    return [
        _finding(test, place, float(means[place]), ends[:, place]) for place in range(len(pairs))
    ]


def _finding(test: FamilyTest, column: int, mean: float, ends: Array) -> _Finding:
    """Return the outcome of one claim: both the test and the interval must agree."""
    mine = np.flatnonzero(test.column == column)
    margins, p_family = test.margin[mine], test.p_family[mine]
    low, high = ends
    is_significant = p_family < CUT
    is_above = is_significant & (mean > margins) & (low > margins)
    is_below = is_significant & (mean < margins) & (high < margins)
    # Two margins: equivalence needs "above the lower" and "below the upper"; either of the
    # opposite findings refutes it.
    if len(margins) == 2:
        is_supported, is_refuted = is_above[0] and is_below[1], is_below[0] or is_above[1]
        shown = p_family.min() if is_refuted else p_family.max()
        place = mine[np.flatnonzero(p_family == shown)[0]]
    else:
        is_supported, is_refuted, place = is_above[0], is_below[0], mine[0]
    outcome: Outcome = "not decidable"
    if is_supported or is_refuted:
        outcome = "supported" if is_supported else "refuted"
    return _Finding(
        outcome,
        float(test.p[place]),
        float(test.p_family[place]),
        float(test.q[place]),
        len(test.column),
        float(test.better[column]),
        float(max(abs(mean) + test.within[column], abs(low), abs(high))),
        float(test.spread[column]),
    )


def _after_failures(verdicts: Sequence[Verdict], pairs: Sequence[_Pairs]) -> list[Verdict]:
    """Take back what does not hold when unequal failures count against the side that won."""
    ready = [pair for pair in pairs if pair.n >= MIN_SEEDS]
    if all(pair.losses.are_equal for pair in ready):
        return list(verdicts)
    against_treatment = _found(ready, [pair.worst_case(is_against=True) for pair in ready])
    against_control = _found(ready, [pair.worst_case(is_against=False) for pair in ready])
    bounds = iter(zip(against_treatment, against_control, strict=True))
    kept = []
    for verdict, pair in zip(verdicts, pairs, strict=True):
        if pair.n >= MIN_SEEDS:
            treatment, control = next(bounds)
            asked = {"supported": [treatment], "refuted": [control]}.get(verdict.outcome, [])
            if asked and pair.claim.test == "equivalence":
                asked = [treatment, control]
            if any(bound.outcome != verdict.outcome for bound in asked):
                verdict = replace(verdict, outcome="not decidable", is_failure_bound=True)
        kept.append(verdict)
    return kept


def _described(pair: _Pairs, family: str) -> Verdict:
    """Return a verdict with its numbers, not yet decided."""
    kept = pair.differences[np.isfinite(pair.per_seed)]
    means = kept.mean(axis=1)
    low, high = mean_intervals(means[:, None])
    # Comparisons, of which there may be thousands, go without this interval.
    iqm_low, iqm_high = (_NAN, _NAN) if pair.setting else iqm_interval(kept)
    return Verdict(
        claim=pair.claim,
        family=family,
        outcome="not decidable" if pair.n else "not run",
        reason="",
        n=pair.n,
        num_seeds=len(pair.differences),
        num_conditions=pair.differences.shape[1],
        difference=float(means.mean()) if pair.n else _NAN,
        low=float(low[0]),
        high=float(high[0]),
        median=float(np.median(means)) if pair.n else _NAN,
        iqm=interquartile_mean(kept) if pair.n else _NAN,
        iqm_low=iqm_low,
        iqm_high=iqm_high,
        sd=float(means.std(ddof=1)) if pair.n > 1 else _NAN,
        losses=pair.losses,
        corpus_tokens=pair.setting.corpus_tokens if pair.setting else None,
        measure=pair.measure,
    )


def _decided(verdict: Verdict, found: _Finding) -> Verdict:
    """Return the verdict with what its family's test says."""
    return replace(
        verdict,
        outcome=found.outcome,
        p=found.p,
        p_family=found.p_family,
        q=found.q,
        num_tests=found.num_tests,
        better=found.better,
        equal_within=found.equal_within,
        detectable=detectable_effect(verdict.n, found.num_tests) * found.spread,
    )


def _worded(verdict: Verdict, study: Study) -> Verdict:
    """Return the verdict with the sentence that explains it."""
    parts = [_why(verdict)]
    if np.isfinite(verdict.better):
        better = probability_text(verdict.better)
        comparative = "has more" if verdict.measure.better == "neither" else "is better"
        parts.append(f"{verdict.claim.treatment} {comparative} with posterior probability {better}")
    if verdict.outcome == "not decidable" and np.isfinite(verdict.equal_within):
        parts.append(
            f"shown equal within {verdict.measure.amount(verdict.equal_within)}, no closer"
        )
    parts.append(verdict.losses.sentence(verdict.claim.treatment, verdict.claim.control))
    if study.repeats == "finetuning":
        parts.append("over fine-tuning seeds of one pretraining")
    return replace(verdict, reason="; ".join(part for part in parts if part))


def _why(verdict: Verdict) -> str:
    """Return what decided, or what kept it from being decided."""
    n = verdict.n
    seeds = f"{n} seed" if n == 1 else f"{n} seeds"
    if verdict.outcome == "not run":
        return "no seed has both sides of every comparison"
    if n < MIN_SEEDS:
        return f"{seeds}: too few for a verdict, at least {MIN_SEEDS} are needed"
    p = f"family-wise p = {verdict.p_family:.2g}"
    if verdict.is_failure_bound:
        return (
            f"not decidable (runs failed) with {seeds}: {p} takes failed and collapsed runs as they "
            "fell, and does not hold when they count against the side that wins"
        )
    if verdict.outcome != "not decidable":
        return f"{verdict.outcome} with {seeds}, {p}"
    beyond = "beyond the margin" if verdict.claim.margin else "of difference"
    family = f" in a family of {verdict.num_tests} tests" if verdict.num_tests > 1 else ""
    return (
        f"not decidable with {seeds}, {p}: only {verdict.measure.amount(verdict.detectable)} "
        f"{beyond} would be found with 80% power{family}"
    )


def probability_text(probability: float) -> str:
    """Return a probability with two digits, and never a certainty."""
    if not np.isfinite(probability):
        return "none"
    if probability > 0.995:
        return ">.99"
    return "<.01" if probability < 0.005 else f"{probability:.2f}".removeprefix("0")


def tally(verdicts: Iterable[Verdict]) -> dict[Outcome, int]:
    """Return how many verdicts have each outcome."""
    counts: dict[Outcome, int] = dict.fromkeys(
        ("supported", "refuted", "not decidable", "not run"), 0
    )
    for verdict in verdicts:
        counts[verdict.outcome] += 1
    return counts
