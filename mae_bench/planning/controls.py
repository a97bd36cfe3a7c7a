"""Adds control arms, which show why another arm differs; its objective names them."""

import json

from mae_bench.errors import SpecError
from mae_bench.specs import ArmSpec


def with_controls(arms: tuple[ArmSpec, ...]) -> tuple[ArmSpec, ...]:
    """Return the arms with the controls of each behind it, without what is there already.

    A control takes its arm's peak rate, a tuned one too, so that nothing else differs.

    Raises:
        SpecError: a control has the label of another arm.
    """
    from mae_bench.objectives.base import OBJECTIVES, parse_options

    seen = {_content(arm) for arm in arms}
    labels = {arm.label for arm in arms}
    found: list[ArmSpec] = []
    for arm in arms:
        found.append(arm)
        options = parse_options(arm.objective, arm.options)
        for name, (objective, given) in OBJECTIVES.get(arm.objective).controls(options).items():
            control = ArmSpec(
                objective=objective,
                options=parse_options(objective, given).canonical(),
                label=f"{arm.label}: {name}",
                peak_lr=arm.peak_lr,
            )
            if _content(control) in seen:
                continue
            if control.label in labels:
                raise SpecError(
                    f"the arm label '{control.label}' is also the label of a control of "
                    f"'{arm.label}'; give the arm another `label`"
                )
            seen.add(_content(control))
            labels.add(control.label)
            found.append(control)
    return tuple(found)


def _content(arm: ArmSpec) -> str:
    """Return what makes two arms the same run."""
    return json.dumps([arm.objective, sorted(arm.options.items()), arm.peak_lr])
