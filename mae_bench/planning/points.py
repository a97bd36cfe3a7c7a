"""The study at each point of its grid, checked, and what they are together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mae_bench.errors import SpecError
from mae_bench.planning.arm_items import UNTRAINED
from mae_bench.planning.arms import ResolvedArm
from mae_bench.planning.budget_split import check_budget_split
from mae_bench.planning.check import check_study, control_of
from mae_bench.planning.grid_lists import study_at
from mae_bench.planning.heads import Head
from mae_bench.specs import Study, point_label
from mae_bench.specs.claim_axes import sides_of
from mae_bench.specs.grid_points import GridPoint


@dataclass(frozen=True)
class CheckedPoint:
    """A study at one point of its grid: without a grid, the study itself.

    Attributes:
        study: with canonical options, implied arms and the control.
        arms: with their options parsed.
        heads: that its protocols may ask, by label.
        warnings: sentences for the user.
    """

    at: GridPoint
    study: Study
    arms: tuple[ResolvedArm, ...]
    heads: Mapping[str, Head]
    warnings: tuple[str, ...]


def checked_point(
    study: Study, at: GridPoint, tuned: Mapping[str, dict[str, object]]
) -> CheckedPoint:
    """Return a study at one point, checked.

    Raises:
        SpecError: as `check_study`, with the point; or the control is left out there.
    """
    if not at.point:
        checked, arms, heads, warnings = check_study(study, tuned)
        return CheckedPoint(
            at, checked, arms, heads, (*warnings, *check_budget_split(checked, arms))
        )
    control = study.control or control_of(study.objectives) if study.objectives else study.control
    where = point_label(at.point)
    if control in at.without:
        raise SpecError(
            f"exclude leaves out the control '{control}' at {where}, where the other arms would "
            "have nothing to be compared with; leave out the whole combination, or name another "
            "control"
        )
    try:
        alone = study_at(study, at).model_copy(update={"control": control, **_said_at(study, at)})
        untrained = {arm.label for arm in study.objectives if arm.objective == UNTRAINED}
        adds_untrained = at.without.isdisjoint(untrained or {UNTRAINED})
        checked, arms, heads, warnings = check_study(alone, tuned, adds_untrained=adds_untrained)
        warnings += check_budget_split(checked, arms)
    except SpecError as error:
        message = f"at {where}: {error}"
        raise type(error)(message, error.got, error.key_path) from None
    return CheckedPoint(at, checked, arms, heads, tuple(warnings))


def _said_at(study: Study, at: GridPoint) -> dict[str, object]:
    """Return the claims and references about arms that are run at a point."""
    return {
        "claims": tuple(c for c in study.claims if not at.without.intersection(sides_of(c))),
        "references": tuple(
            r for r in study.references if not at.without.intersection(sides_of(r.comparison))
        ),
    }


def united_arms(study: Study, points: Sequence[CheckedPoint]) -> tuple[ResolvedArm, ...]:
    """Return the arms of all points, each once, in the order of the study.

    An arm that the study does not list stands behind the one that it stands behind at a point.
    """
    listed = {arm.label: index for index, arm in enumerate(study.objectives)}
    arms: dict[str, ResolvedArm] = {}
    ranks: dict[str, int] = {}
    for each in points:
        rank = -1
        for arm in each.arms:
            rank = listed.get(arm.label, rank)
            arms.setdefault(arm.label, arm)
            ranks.setdefault(arm.label, rank)
    return tuple(sorted(arms.values(), key=lambda arm: ranks[arm.label]))


def united_study(study: Study, points: Sequence[CheckedPoint]) -> Study:
    """Return the checked study of the first point, with the arms of all and the grid."""
    kept = {
        name: getattr(study, name) for name in ("grid", "zip", "exclude", "claims", "references")
    }
    arms = tuple(arm.spec for arm in united_arms(study, points))
    return points[0].study.model_copy(update={**kept, "objectives": arms})
