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
from dataclasses import replace
from types import MappingProxyType

import pandas as pd

from mae_bench.analysis.cost_ratio import ask_ratio
from mae_bench.analysis.crosses import ask_crossing
from mae_bench.analysis.family import judge
from mae_bench.analysis.messages import message
from mae_bench.analysis.monotone import ask_monotone
from mae_bench.analysis.pairs import Pairs, pairs_of
from mae_bench.analysis.questions import Asked
from mae_bench.analysis.scores import COMPARED, Scores, Setting
from mae_bench.analysis.spread import ask_spread
from mae_bench.analysis.verdicts import Outcome, Verdict, probability_text, tally
from mae_bench.measures import Measure
from mae_bench.specs import Claim, Study

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
NO_ROWS = pd.DataFrame({"arm": []})
_KINDS = {"monotone": ask_monotone, "crossing": ask_crossing, "spread": ask_spread}


def control_of(study: Study, scores: Scores) -> str | None:
    """Return the label of the control: the study's, else the first mlm or trained arm."""
    trained = scores.of_role(*COMPARED)
    if study.control:
        return study.control
    of_mlm = [arm.label for arm in trained if arm.objective == "mlm"]
    return next(iter([*of_mlm, *(arm.label for arm in trained)]), None)


def judge_claims(
    study: Study,
    scores: Scores,
    others: Mapping[str, Scores] = NO_SCORES,
    rows: pd.DataFrame | None = None,
) -> list[Verdict]:
    """Return the verdicts of the claims that the study wrote down; they are one family.

    Args:
        study: with its claims.
        scores: of the primary metrics.
        others: scores of metrics that are not primary, by name.
        rows: of the study, for claims on costs.
    """
    return judge_family(study.claims, "claims of the study", study, scores, others, rows)


def judge_family(
    claims: Sequence[Claim],
    family: str,
    study: Study,
    scores: Scores,
    others: Mapping[str, Scores] = NO_SCORES,
    rows: pd.DataFrame | None = None,
) -> list[Verdict]:
    """Return the verdicts of claims that are adjusted together."""

    def asked(claim: Claim) -> Pairs | Asked:
        of_metric = _read(claim, scores, others)
        if claim.test == "ratio":
            return ask_ratio(claim, family, scores, NO_ROWS if rows is None else rows, study)
        if claim.test in _KINDS:
            return _KINDS[claim.test](claim, family, of_metric)
        return pairs_of(claim, of_metric, None)

    return judge([asked(claim) for claim in claims], family, study)


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
        verdicts += judge([pairs_of(c, scores, setting) for c in single], family, study)
        if len(tasks) > 1 and scores.shared_measure(setting) is not None:
            pooled = [_comparison(arm, against, None, setting) for arm in arms]
            family = f"against {against}, mean of tasks: {setting.label}"
            verdicts += judge([pairs_of(c, scores, setting) for c in pooled], family, study)
    return verdicts


def _comparison(arm: str, against: str, task: str | None, setting: Setting) -> Claim:
    return Claim(
        sentence=message(
            "claim.beats",
            arm=arm,
            control=against,
            task=task or message("claim.all_tasks"),
            setting=setting.label,
        ),
        treatment=arm,
        control=against,
        task=task,
        protocol=setting.protocol,
        train_size=setting.train_size,
        noise=setting.noise.label,
    )
