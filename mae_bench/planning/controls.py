"""Adds control arms, which show why another arm differs; its objective names them."""

import json

from mae_bench.errors import SpecError
from mae_bench.planning.arms import ResolvedArm, resolve_arm
from mae_bench.specs import ArmSpec


def with_controls(arms: tuple[ResolvedArm, ...]) -> tuple[ResolvedArm, ...]:
    """Return the arms with the controls of each behind it, without what is there already.

    A control takes its arm's peak rate, a tuned one too, so that nothing else differs.

    Raises:
        SpecError: a control has the label of another arm.
    """
    seen = {_content(arm.spec) for arm in arms}
    labels = {arm.label for arm in arms}
    with_added: list[ResolvedArm] = []
    for arm in arms:
        with_added.append(arm)
        for name, (objective, given) in arm.controls.items():
            spec = ArmSpec(
                objective=objective,
                options=dict(given),
                label=f"{arm.label}: {name}",
                peak_lr=arm.spec.peak_lr,
            )
            control = resolve_arm(spec)
            if _content(control.spec) in seen:
                continue
            if control.label in labels:
                raise SpecError(
                    f"the arm label '{control.label}' is also the label of a control of "
                    f"'{arm.label}'; give the arm another `label`"
                )
            seen.add(_content(control.spec))
            labels.add(control.label)
            with_added.append(control)
    return tuple(with_added)


def _content(arm: ArmSpec) -> str:
    """Return what makes two arms the same run."""
    return json.dumps([arm.objective, sorted(arm.options.items()), arm.peak_lr])
