"""Checks that a study's encoder and tasks can be fine-tuned as its recipes say."""

from mae_bench.backbones import architecture_of
from mae_bench.errors import SpecError
from mae_bench.planning.reading import asked_tasks, tuned_tasks
from mae_bench.planning.recipes import recipe_of
from mae_bench.specs import FinetuneRecipe, Study


def check_strategies(study: Study) -> None:
    """Refuse options of a fine-tune that mean nothing to a task's kind or to the encoder.

    Raises:
        SpecError: the first of them.
    """
    from mae_bench.protocols.base import PROTOCOLS
    from mae_bench.protocols.strategies import check_strategy
    from mae_bench.tasks import KINDS
    from mae_bench.tasks.own import task_of

    tuning = study.tuning
    asked = [(name, asked_tasks(study, name)) for name in study.protocols]
    asked += [(tuning.protocol, tuned_tasks(study))] if tuning else []
    for name, tasks in asked:
        recipe = recipe_of(study, name)
        if not isinstance(recipe, FinetuneRecipe) or PROTOCOLS.get(name).reads_corpus:
            continue
        if study.objectives:
            _check_encoder(name, recipe, study)
        for task in tasks:
            kind = task_of(study, task).kind
            try:
                check_strategy(recipe, KINDS.get(kind), kind)
            except SpecError as error:
                raise SpecError(f"{name}: task '{task}': {error}", name) from None


def _check_encoder(name: str, recipe: FinetuneRecipe, study: Study) -> None:
    layers = study.backbone.layers
    if recipe.reinit_layers > layers:
        raise SpecError(
            f"{name}.reinit_layers must be at most the {layers} layers of the backbone, got "
            f"{recipe.reinit_layers}"
        )
    if recipe.lora is not None and not architecture_of(study.backbone).has_attention:
        raise SpecError(
            f"{name}.lora updates linear layers, and those of arch '{study.backbone.arch}' have "
            "none; leave lora out, or take a backbone with attention"
        )
