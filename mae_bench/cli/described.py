"""An objective's options and controls, described for people and for programs."""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mae_bench.docstrings import attribute_docs
from mae_bench.sentences import describe

if TYPE_CHECKING:
    from mae_bench.objectives.base import Objective

SHARED = {  # options that several objectives take, and mean the same by
    "mask_ratio": "share of a row's tokens that are hidden, or a schedule of it",
    "masking": "which tokens are hidden: a scheme's name, or a scheme with parameters",
    "mask_share": "of the hidden tokens, the share that [MASK] replaces",
    "random_share": "of the hidden tokens, the share that a random token replaces",
    "keep_share": "of the hidden tokens, the share that stays visible",
    "teacher": "label of another arm, an encoder's folder, or owner/name@commit on the Hub",
    "decoder_layers": "layers of the decoder, which fine-tuning never sees",
    "decoder_width": "width of the decoder; the encoder's where it is null",
    "temperature": "that similarities or logits are divided by",
}


def options_of(kind: "type[Objective]") -> list[dict[str, Any]]:
    """Return name, type, default and description of each option, and whether it is required."""
    documented = attribute_docs(kind.Options)
    return [
        {
            "name": name,
            "type": describe(field.annotation, field.metadata),
            "default": None if field.is_required() else _default(field),
            "is_required": field.is_required(),
            "description": field.description or documented.get(name) or SHARED.get(name, ""),
        }
        for name, field in kind.Options.model_fields.items()
    ]


def controls_of(kind: "type[Objective]") -> list[dict[str, Any]]:
    """Return label, objective and options of the control arms that belong to the defaults.

    Where an option has no default, of the class's own example.
    """
    required = {name for name, field in kind.Options.model_fields.items() if field.is_required()}
    if not required <= set(kind.example):
        return []
    controls = kind.controls(kind.Options(**kind.example))
    return [
        {"label": label, "objective": objective, "options": options}
        for label, (objective, options) in controls.items()
    ]


def options_text(options: list[dict[str, Any]]) -> str:
    """Return options as one line, ``name=default``."""
    return ", ".join(
        f"{option['name']}={'required' if option['is_required'] else option['default']}"
        for option in options
    )


def controls_text(controls: list[dict[str, Any]]) -> str:
    """Return control arms as one line."""
    texts = []
    for control in controls:
        options = [f"{name}={value}" for name, value in control["options"].items()]
        texts.append(f"{control['label']} ({' '.join([control['objective'], *options])})")
    return "; ".join(texts)


def _default(field: FieldInfo) -> Any:
    value = field.get_default(call_default_factory=True)
    if not isinstance(value, BaseModel):
        return list(value) if isinstance(value, tuple) else value
    content = value.model_dump(mode="json", exclude_defaults=True)
    return content or getattr(value, "scheme", {})
