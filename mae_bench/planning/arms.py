"""An arm whose options are parsed: done once for a plan, and read wherever the arm is looked at."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mae_bench.specs import ArmSpec, Frozen

if TYPE_CHECKING:
    from mae_bench.objectives.base import Controls, Objective, Provisions, Requirements


@dataclass(frozen=True)
class ResolvedArm:
    """One side of the fight, with all that its objective says of its options.

    Attributes:
        spec: with canonical options.
        kind: the objective's class.
        options: the same options, parsed.
        requires: what must be there before it trains.
        provides: what its checkpoints can be asked for.
    """

    spec: ArmSpec
    kind: "type[Objective]"
    options: Frozen
    requires: "Requirements"
    provides: "Provisions"

    @property
    def label(self) -> str:
        """The arm's label."""
        return self.spec.label

    @property
    def controls(self) -> "Controls":
        """The arms that tell why this one differs: objective and options by label."""
        return self.kind.controls(self.options)


def resolve_arm(arm: ArmSpec) -> ResolvedArm:
    """Return an arm with its options parsed, and in their canonical form.

    Raises:
        UnknownNameError: no such objective.
        SpecError: an unknown option, or a value that is not allowed.
    """
    from mae_bench.objectives.base import OBJECTIVES, parse_options

    kind = OBJECTIVES.get(arm.objective)
    options = parse_options(arm.objective, arm.options)
    return ResolvedArm(
        spec=arm.model_copy(update={"options": options.canonical()}),
        kind=kind,
        options=options,
        requires=kind.requires(options),
        provides=kind.provides(options),
    )
