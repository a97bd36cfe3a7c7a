"""The smallest effects that the seeds of a study can show, for each of its families of tests."""

import math
from dataclasses import dataclass

from mae_bench.specs import MIN_SEEDS, Study
from mae_bench.specs.claim_axes import num_tests


@dataclass(frozen=True)
class Detectable:
    """The smallest effect that a family of tests of the study can find.

    Attributes:
        family: its name in sentences.
        num_tests: that are adjusted together.
        effect: the smallest difference found with 80% power, in standard deviations of the
            paired difference over seeds; along an axis, of the change over it.
        spread_ratio: the smallest ratio of two standard deviations found with 80% power, where a
            claim is on these; None where none is, and where no ratio would do.
    """

    family: str
    num_tests: int
    effect: float
    spread_ratio: float | None = None


def detectable(study: Study) -> list[Detectable]:
    """Return the smallest effects that claims, the largest table and means over tasks can find."""
    from mae_bench.analysis.power import detectable_effect
    from mae_bench.objectives.base import OBJECTIVES

    num_seeds = len(study.seeds)
    if num_seeds < MIN_SEEDS:
        return []
    trained = sum(OBJECTIVES.get(arm.objective).is_trained for arm in study.objectives)
    num_arms = trained + len(study.encoders) - 1
    num_tasks = len(study.real_tasks)
    of_claims = sum(num_tests(claim, study) for claim in study.claims)
    families = {
        "claims of the study": of_claims,
        "a table of arms and tasks": num_arms * max(num_tasks, 1),
        "means over tasks": num_arms if num_tasks > 1 else 0,
    }
    ratios = {"claims of the study": _spread_ratio(study, of_claims)}
    return [
        Detectable(name, size, detectable_effect(num_seeds, size), ratios.get(name))
        for name, size in families.items()
        if size > 0
    ]


def _spread_ratio(study: Study, of_claims: int) -> float | None:
    from mae_bench.analysis.power import detectable_log_ratio

    if not any(claim.test == "spread" for claim in study.claims):
        return None
    ratio = detectable_log_ratio(len(study.seeds), of_claims)
    return math.exp(ratio) if math.isfinite(ratio) else None
