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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from mae_bench.analysis.outcomes import Tested, holding_of
from mae_bench.analysis.pairs import Pairs, pairs_of
from mae_bench.analysis.power import detectable_effect
from mae_bench.analysis.scores import COMPARED, Scores, Setting
from mae_bench.analysis.stats import interquartile_mean, iqm_interval, mean_intervals
from mae_bench.analysis.verdicts import Outcome, Verdict, probability_text, tally, worded
from mae_bench.measures import Measure
from mae_bench.specs import MIN_SEEDS, Claim, Study

__all__ = [
    "NO_SCORES",
    "Outcome",
    "Verdict",
    "control_of",
    "judge_claims",
    "judge_comparisons",
    "judge_family",
    "measure_in",
    "probability_text",
    "tally",
]

NO_SCORES: Mapping[str, Scores] = MappingProxyType({})
_NAN = float("nan")


def control_of(study: Study, scores: Scores) -> str | None:
    """Return the label of the control: the study's, else the first mlm or trained arm."""
    trained = scores.of_role(*COMPARED)
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
    pairs = [pairs_of(claim, _read(claim, scores, others), None) for claim in claims]
    return _judge(pairs, family, study)


def _read(claim: Claim, scores: Scores, others: Mapping[str, Scores]) -> Scores:
    """Return the scores of a claim's metric, without any cell where no row holds it."""
    if claim.metric is None:
        return scores
    return others.get(claim.metric, replace(scores, cells={}))


def measure_in(claim: Claim, scores: Scores, others: Mapping[str, Scores] = NO_SCORES) -> Measure:
    """Return how the metric of a claim is read."""
    return pairs_of(claim, _read(claim, scores, others), None).measure


def judge_comparisons(
    study: Study, scores: Scores, against: str, settings: Sequence[Setting] | None = None
) -> list[Verdict]:
    """Return "better than ``against``" for every trained arm, by task and over all tasks.

    A family is one table: all arms and tasks of one setting. The averages over tasks are a
    family of their own, as they repeat the same differences. Where no budget goes to pretraining
    nothing is compared, for all arms are one run there.
    """
    verdicts = []
    arms = [arm.label for arm in scores.of_role(*COMPARED) if arm.label != against]
    asked = scores.settings if settings is None else settings
    for setting in (one for one in asked if one.pretrain_ratio != 0):
        tasks = scores.tasks_in(setting)
        single = [_comparison(arm, against, task, setting) for arm in arms for task in tasks]
        family = f"against {against}: {setting.label}"
        verdicts += _judge([pairs_of(c, scores, setting) for c in single], family, study)
        if len(tasks) > 1 and scores.shared_measure(setting) is not None:
            pooled = [_comparison(arm, against, None, setting) for arm in arms]
            family = f"against {against}, mean of tasks: {setting.label}"
            verdicts += _judge([pairs_of(c, scores, setting) for c in pooled], family, study)
    return verdicts


def _comparison(arm: str, against: str, task: str | None, setting: Setting) -> Claim:
    return Claim(
        sentence=f"{arm} beats {against} on {task or 'the mean of all tasks'} ({setting.label})",
        treatment=arm,
        control=against,
        task=task,
        protocol=setting.protocol,
        train_size=setting.train_size,
        noise=setting.noise.label,
    )


def _judge(pairs: Sequence[Pairs], family: str, study: Study) -> list[Verdict]:
    """Return verdicts, adjusted over those claims of the family that can be decided at all.

    A claim with fewer than six pairs is left out of the adjustment, for it can never be
    decided; which claims these are depends on n alone, not on the outcome.
    """
    if not pairs:
        return []
    ready = [pair for pair in pairs if pair.n >= MIN_SEEDS]
    findings = _findings(ready)
    holds = holding_of(ready, [finding.outcome for finding in findings])
    decided = iter(zip(findings, holds, strict=True))
    verdicts = []
    for pair in pairs:
        verdict = _described(pair, family)
        if pair.n >= MIN_SEEDS:
            verdict = _decided(verdict, *next(decided))
        verdicts.append(verdict)
    explained = [worded(verdict, study) for verdict in verdicts]
    return [v.turned() if v.measure.sign < 0 else v for v in explained]


@dataclass(frozen=True)
class _Finding:
    """The results of a family's test for one claim: see `Verdict`."""

    outcome: Outcome
    p: float
    p_family: float
    q: float
    num_tests: int
    better: float
    equal_within: float
    spread: float


def _findings(pairs: Sequence[Pairs]) -> list[_Finding]:
    """Return the test results of these claims, adjusted as one family."""
    if not pairs:
        return []
    tested = Tested.of(pairs, [pair.per_seed for pair in pairs])
    test = tested.test
    better, within, spread = test.better, test.within, test.spread
    findings = []
    for column, (outcome, index) in enumerate(tested.outcomes()):
        low, high = tested.ends[:, column]
        findings.append(
            _Finding(
                outcome,
                float(test.p[index]),
                float(test.p_family[index]),
                float(test.q[index]),
                len(test.column),
                float(better[column]),
                float(max(abs(tested.means[column]) + within[column], abs(low), abs(high))),
                float(spread[column]),
            )
        )
    return findings


def _described(pair: Pairs, family: str) -> Verdict:
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
        pretrain_ratio=pair.setting.pretrain_ratio if pair.setting else None,
        measure=pair.measure,
    )


def _decided(verdict: Verdict, finding: _Finding, holds: bool) -> Verdict:
    """Return the verdict with the results of its family's test."""
    return replace(
        verdict,
        outcome=finding.outcome if holds else "not decidable",
        is_failure_bound=not holds,
        p=finding.p,
        p_family=finding.p_family,
        q=finding.q,
        num_tests=finding.num_tests,
        better=finding.better,
        equal_within=finding.equal_within,
        detectable=detectable_effect(verdict.n, finding.num_tests) * finding.spread,
    )
