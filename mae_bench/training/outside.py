"""Encoders from outside a pretraining: what is asked of them before they are read."""

from pathlib import Path

from mae_bench.costs import Stack, stack_of_config
from mae_bench.data.encoders import require_sizes
from mae_bench.errors import SpecError
from mae_bench.model.backbone import Backbone, load_backbone
from mae_bench.model.teacher import is_checkpoint
from mae_bench.objectives.base import Objective
from mae_bench.results import read_json
from mae_bench.specs import BackboneSpec


def starting_backbone(spec: BackboneSpec, folder: Path, tokenizer: Path) -> Backbone:
    """Return the encoder that training goes on from.

    Raises:
        SpecError: no encoder, other sizes than the study planned with, or another tokenizer.
    """
    require_sizes(spec, folder)
    require_tokenizer("backbone.checkpoint", folder, tokenizer)
    backbone = load_backbone(folder, spec.dropout)
    if getattr(backbone.encoder, "pooler", None) is not None:
        # BERT's: not in our checkpoints, and nothing trains it
        backbone.encoder.register_module("pooler", None)
    return backbone


def outside_stack(objective: Objective, teacher: Path | None, tokenizer: Path) -> Stack | None:
    """Return the sizes of a teacher from outside the study, whose tokenizer must be the study's."""
    if teacher is None or is_checkpoint(teacher):
        return None
    require_tokenizer("teacher", teacher, tokenizer)
    return stack_of_config(objective.teacher.backbone.config)  # type: ignore[union-attr]


def require_tokenizer(role: str, folder: Path, tokenizer: Path) -> None:
    """Raise SpecError where an encoder's vocabulary is not the study's."""
    from transformers import AutoTokenizer

    try:
        theirs = AutoTokenizer.from_pretrained(str(folder)).get_vocab()
    except (OSError, ValueError) as error:
        raise SpecError(f"{role} '{folder}' has no tokenizer beside it: {error}") from error
    if theirs != AutoTokenizer.from_pretrained(str(tokenizer)).get_vocab():
        raise SpecError(
            f"{role} '{folder}' uses another tokenizer than the study's corpus; it must share the "
            "vocabulary: name an encoder that a study with the same corpus.tokenizer and text left"
        )


def price_of(teacher: Path | None) -> tuple[float, float]:
    """Return FLOPs and seconds that made a teacher, with those of its own teacher.

    One from outside was made before the study began.
    """
    if teacher is None or not is_checkpoint(teacher):
        return 0.0, 0.0
    cost = read_json(teacher / "cost.json")
    return float(cost["flops"]), float(cost["seconds"]) + float(cost.get("teacher_pretrain_s", 0))
