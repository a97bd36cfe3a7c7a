"""Which pretrainings may be trained with other seeds as one program."""

from mae_bench.backbones import architecture_of
from mae_bench.objectives.base import OBJECTIVES, Objective, parse_options
from mae_bench.objectives.parts import PartsOptions
from mae_bench.specs import Frozen, PretrainSpec

DROPOUT = "its dropout would not be that of single seeds"


def why_not_batched(spec: PretrainSpec) -> str:
    """Return why seeds of a pretraining are trained one by one; empty where they need not be."""
    kind = OBJECTIVES.get(spec.objective)
    options = parse_options(spec.objective, spec.options)
    if not kind.is_trained:
        return "nothing is trained"
    if spec.recipe.budget.seconds is not None:
        return "its budget is in seconds, which seeds would share"
    if spec.recipe.optimizer != "adamw":
        return f"its optimizer is {spec.recipe.optimizer}, whose matrices may not be stacked"
    backbone = spec.backbone
    if not architecture_of(backbone).has_attention:
        return f"the layers of backbone.arch '{backbone.arch}' do not run under vmap"
    if backbone.dropout_ratio > 0:
        return DROPOUT
    if backbone.checkpoint is not None and backbone.dropout is None:
        return "backbone.checkpoint may have dropout; set backbone.dropout to 0"
    return why_not_stacked(kind, options)


def why_not_stacked(kind: type[Objective], options: Frozen) -> str:
    """Return why seeds of an objective are trained one by one, whatever the backbone."""
    if kind.requires(options).sets_dropout:
        return DROPOUT
    return next(filter(None, (part.why_not_batched for part in _kinds(kind, options))), "")


def _kinds(kind: type[Objective], options: Frozen) -> list[type[Objective]]:
    """Return an objective and all its parts."""
    parts = options.every if isinstance(options, PartsOptions) else ()
    return [kind, *(inner for part in parts for inner in _kinds(part.kind, part.options))]
