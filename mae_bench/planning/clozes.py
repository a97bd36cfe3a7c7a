"""Checks what `zero_shot` needs on tasks of classes: a prompt, and arms that predict tokens."""

from collections.abc import Mapping

from mae_bench.errors import SpecError
from mae_bench.planning.heads import Head
from mae_bench.planning.reading import asked_tasks
from mae_bench.planning.recipes import recipe_of
from mae_bench.specs import Study, ZeroShotRecipe


def check_clozes(study: Study, heads: Mapping[str, Head]) -> list[str]:
    """Refuse tasks without a prompt, and studies none of whose arms can fill a gap.

    Args:
        study: to be checked.
        heads: of its arms and encoders, by label.

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
    if not asked:
        return []
    without = [label for label, head in heads.items() if not head.fills_gaps]
    if not without:
        return []
    if len(without) == len(heads):
        raise SpecError(
            f"protocols: 'zero_shot' reads {', '.join(asked)} by a prompt with a gap, which needs "
            "an objective that predicts hidden tokens, and the study has none; add one (mlm, mae) "
            "or an encoder that was saved with such a head (...ForMaskedLM), or leave these tasks "
            "or the protocol out",
            "zero_shot",
        )
    return [
        f"zero_shot on {', '.join(asked)} leaves out {', '.join(without)}: nothing in them "
        "predicts the hidden tokens of a prompt"
    ]
