"""Checks what `zero_shot` needs on tasks of classes: a prompt, and arms that predict tokens."""

from collections.abc import Sequence

from mae_bench.errors import SpecError
from mae_bench.planning.arms import ResolvedArm
from mae_bench.planning.reading import asked_tasks
from mae_bench.planning.recipes import recipe_of
from mae_bench.specs import Study, ZeroShotRecipe


def check_clozes(study: Study, arms: Sequence[ResolvedArm]) -> list[str]:
    """Refuse tasks without a prompt, and studies none of whose arms can fill a gap.

    Returns:
        A warning that names the arms that are left out there, if there are some.

    Raises:
        SpecError: the first of them.
    """
    from mae_bench.protocols.base import PROTOCOLS
    from mae_bench.protocols.prompts import cloze_of
    from mae_bench.tasks.own import task_of

    asked = []
    for name in study.protocols:
        for task in [task_of(study, each) for each in asked_tasks(study, name)]:
            if PROTOCOLS.get(name).needs_token_head(task.kind):
                asked.append(task.name)
                recipe = recipe_of(study, name)
                cloze_of(task, recipe.clozes if isinstance(recipe, ZeroShotRecipe) else {})
    without = [arm.label for arm in arms if not has_token_head(arm)]
    without += [encoder.label for encoder in study.encoders]
    if not asked or not without:
        return []
    if len(without) == len(arms) + len(study.encoders):
        raise SpecError(
            f"protocols: 'zero_shot' reads {', '.join(asked)} by a prompt with a gap, which needs "
            "an objective that predicts hidden tokens, and the study has none; add one (mlm, mae), "
            "or leave these tasks or the protocol out",
            "zero_shot",
        )
    return [
        f"zero_shot on {', '.join(asked)} leaves out {', '.join(without)}: nothing in them "
        "predicts the hidden tokens of a prompt"
    ]


def has_token_head(arm: ResolvedArm) -> bool:
    """Whether an arm's checkpoints can be asked for hidden tokens that a caller chooses.

    What predicts tokens of its own choice, as deshuffling does, has a predictor and no scorer; what
    reads from left to right has no gap to fill.
    """
    scorer = arm.provides.scorer
    fills_gaps = scorer is not None and not scorer.is_left_to_right
    return fills_gaps and arm.provides.predictor is not None
