"""Which fine-tunes may be trained beside others as one program."""

from mae_bench.backbones import architecture_of, content_of, find_architecture
from mae_bench.model.dropouts import dropout_ratios
from mae_bench.model.heads import LinearHead, TaskModel, VectorHead
from mae_bench.model.text_pooling import ChunkModel
from mae_bench.protocols.base import read_recipe
from mae_bench.specs import BackboneSpec, EvaluateSpec, FinetuneRecipe


def may_join_seeds(spec: EvaluateSpec, backbone: BackboneSpec) -> bool:
    """Whether seeds of a fine-tune may be one program, as far as specs tell."""
    may_drop = backbone.dropout_ratio > 0 or (
        backbone.checkpoint is not None and backbone.dropout is None
    )
    is_of_chunks = read_recipe(spec, FinetuneRecipe).long_text == "chunks"
    return architecture_of(backbone).has_attention and not may_drop and not is_of_chunks


def why_trained_alone(model: TaskModel | ChunkModel) -> str:
    """Return why the learning rates of a fine-tune are tried one by one; empty if they need not."""
    if isinstance(model, ChunkModel):
        return "its texts are chunks, of which each batch has another number"
    if not isinstance(model.head, LinearHead | VectorHead):
        return f"its head, a {type(model.head).__name__}, may draw dropout in a way of its own"
    known = find_architecture(content_of(model.backbone.config))
    if known is None or not known[1].has_attention:
        return f"encoders of type '{model.backbone.config.model_type}' may not run under vmap"
    if any(dropout_ratios(model.backbone).values()):
        return "its encoder's dropout would not be that of single fine-tunes"
    return ""
