"""Claims against rows: each becomes a verdict, with the numbers that it rests on.

A claim is judged on paired differences, treatment minus control, one for each seed. A claim
over several tasks or settings is averaged inside a seed first: the seed, not the task, is what
was repeated, and tasks of one seed share its pretraining. A seed counts only where every
condition of the claim has both sides; a failure is never filled in.

All tests are two-sided at 5%, read in one direction (one-sided at 2.5%), also for
non-inferiority and equivalence, so that no verdict can contradict the printed 95% interval.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from mae_bench.analysis.scores import Scores, Setting
from mae_bench.analysis.stats import (
    LEVEL,
    Array,
    detectable_effect,
    flip_test,
    holm,
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
_SIGNED = ("difference", "iqm")  # numbers of a verdict that change sides with its arms,
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
        iqm: interquartile mean over seeds and conditions; its interval for written claims only.
        p: two-sided sign-flip p of the claim alone, against its margin.
        p_family: the same, family-wise (step-down max-T over joint flips); this one decides.
        p_holm: Holm's correction of ``p`` in the same family, for comparison.
        detectable: smallest difference found with 80% power at this n and this spread.
        num_collapsed: collapsed runs among those compared; they stay in the numbers.
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
    iqm: float = _NAN
    iqm_low: float = _NAN
    iqm_high: float = _NAN
    sd: float = _NAN
    p: float = _NAN
    p_family: float = _NAN
    p_holm: float = _NAN
    detectable: float = _NAN
    num_failed: int = 0
    num_collapsed: int = 0
    corpus_tokens: int | None = None
    measure: Measure = PLAIN

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
        return {
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in content.items()
        }


@dataclass(frozen=True)
class _Pairs:
    """The gains [S, C] of one claim, complete seeds only, NaN elsewhere.

    A gain is above 0 where the treatment is better, whichever direction the metric calls better.
    """

    claim: Claim
    differences: Array
    num_failed: int
    num_collapsed: int
    setting: Setting | None = None
    measure: Measure = PLAIN

    @property
    def per_seed(self) -> Array:
        return np.asarray(self.differences.mean(axis=1), dtype=np.float64)

    @property
    def n(self) -> int:
        return int(np.isfinite(self.per_seed).sum())

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
    columns, failed, collapsed = [], 0, 0
    metrics: set[str] = set()
    for where in chosen:
        for task in scores.tasks_in(where) if claim.task is None else (claim.task,):
            sides = [(side, task, where) for side in (claim.treatment, claim.control)]
            cells = [scores.cells.get(side) for side in sides]
            metrics |= {cell.metric for cell in cells if cell}
            failed += sum(cell.num_failed for cell in cells if cell)
            collapsed += sum(cell.num_collapsed for cell in cells if cell)
            columns.append(scores.values(*sides[0]) - scores.values(*sides[1]))
    if not columns:
        columns = [np.full(len(scores.seeds), np.nan)]
    measure = _measure(claim, metrics)
    differences = measure.sign * np.stack(columns, axis=1)
    incomplete = ~np.isfinite(differences).all(axis=1)
    differences[incomplete] = np.nan
    return _Pairs(claim, differences, failed, collapsed, setting, measure)


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
    tested = [pair.per_seed - margin for pair in ready for margin in pair.margins]
    test = flip_test(np.stack(tested, axis=1)) if tested else None
    corrected = holm(test.p) if test else np.empty(0)
    lows, highs = mean_intervals(np.stack([pair.per_seed for pair in pairs], axis=1))
    verdicts, at = [], 0
    for pair, low, high in zip(pairs, lows, highs, strict=True):
        verdict = _described(pair, family, float(low), float(high))
        if pair.n >= MIN_SEEDS and test is not None:
            span = slice(at, at + len(pair.margins))
            at += len(pair.margins)
            verdict = _decided(verdict, pair, test.p[span], test.p_family[span], corrected[span])
        worded = _worded(verdict, study)
        verdicts.append(worded.turned() if pair.measure.sign < 0 else worded)
    return verdicts


def _described(pair: _Pairs, family: str, low: float, high: float) -> Verdict:
    """Return a verdict with its numbers, not yet decided."""
    kept = pair.differences[np.isfinite(pair.per_seed)]
    means = kept.mean(axis=1)
    sd = float(means.std(ddof=1)) if pair.n > 1 else _NAN
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
        low=low,
        high=high,
        iqm=interquartile_mean(kept) if pair.n else _NAN,
        iqm_low=iqm_low,
        iqm_high=iqm_high,
        sd=sd,
        detectable=detectable_effect(pair.n) * sd if pair.n > 1 else _NAN,
        num_failed=pair.num_failed,
        num_collapsed=pair.num_collapsed,
        corpus_tokens=pair.setting.corpus_tokens if pair.setting else None,
        measure=pair.measure,
    )


def _decided(verdict: Verdict, pair: _Pairs, p: Array, p_family: Array, p_holm: Array) -> Verdict:
    """Return the verdict with its outcome: both the test and the interval must agree."""
    margins = np.array(pair.margins)
    is_significant = p_family < LEVEL
    is_above = is_significant & (verdict.difference > margins) & (verdict.low > margins)
    is_below = is_significant & (verdict.difference < margins) & (verdict.high < margins)
    # Two margins: equivalence needs "above the lower" and "below the upper"; either of the
    # opposite findings refutes it.
    if len(margins) == 2:
        is_supported, is_refuted = is_above[0] and is_below[1], is_below[0] or is_above[1]
        shown = p_family.min() if is_refuted else p_family.max()
        place = int(np.flatnonzero(p_family == shown)[0])
    else:
        is_supported, is_refuted, place = is_above[0], is_below[0], 0
    outcome: Outcome = "not decidable"
    if is_supported or is_refuted:
        outcome = "supported" if is_supported else "refuted"
    return replace(
        verdict,
        outcome=outcome,
        p=float(p[place]),
        p_family=float(p_family[place]),
        p_holm=float(p_holm[place]),
    )


def _worded(verdict: Verdict, study: Study) -> Verdict:
    """Return the verdict with the sentence that explains it."""
    n = verdict.n
    seeds = f"{n} seed" if n == 1 else f"{n} seeds"
    if verdict.outcome == "not run":
        missing = "no seed has both sides of every comparison"
        failed = f"; {verdict.num_failed} runs failed" if verdict.num_failed else ""
        return replace(verdict, reason=missing + failed)
    if n < MIN_SEEDS:
        reason = f"{seeds} cannot reach p < .05; at least {MIN_SEEDS} are needed"
    elif verdict.outcome == "not decidable":
        beyond = "beyond the margin" if verdict.claim.margin else "of difference"
        reason = (
            f"not decidable with {seeds}, family-wise p = {verdict.p_family:.2g}: only "
            f"{verdict.measure.amount(verdict.detectable)} {beyond} would be found with 80% power"
        )
    else:
        reason = f"{verdict.outcome} with {seeds}, family-wise p = {verdict.p_family:.2g}"
    if study.repeats == "finetuning":
        reason += "; over fine-tuning seeds of one pretraining"
    return replace(verdict, reason=reason)


def tally(verdicts: Iterable[Verdict]) -> dict[Outcome, int]:
    """Return how many verdicts have each outcome."""
    counts: dict[Outcome, int] = dict.fromkeys(
        ("supported", "refuted", "not decidable", "not run"), 0
    )
    for verdict in verdicts:
        counts[verdict.outcome] += 1
    return counts
