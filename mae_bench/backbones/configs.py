"""Which architecture an encoder on disk has, by its config.json."""

from collections.abc import Mapping
from typing import Any

from mae_bench.backbones.base import BACKBONES, Architecture
from mae_bench.backbones.transformer import Transformer


class Unregistered(Transformer):
    """What is assumed of an encoder of a kind that is not registered: BERT's costs and names.

    It can teach, but no study starts from it.
    """

    summary = "any other encoder of transformers"
    source = ""
    model_type = ""
    kernel = None  # not every encoder has a fused one
    dropout_names = (
        "dropout",
        "hidden_dropout_prob",
        "attention_probs_dropout_prob",
        "embedding_dropout",
        "attention_dropout",
        "mlp_dropout",
    )


UNREGISTERED = Unregistered()
# RoBERTa and its kin: the first position is one after the id of padding
OFFSET_POSITIONS = (
    "camembert", "data2vec-text", "ibert", "longformer", "luke", "mpnet", "roberta",
    "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
)  # fmt: skip


def content_of(config: Any) -> dict[str, Any]:
    """Return what config.json holds of a transformers config, without the cost of writing it."""
    return {"model_type": config.model_type, **vars(config)}


def find_architecture(config: Mapping[str, Any]) -> tuple[str, Architecture] | None:
    """Return name and architecture of a config.json; None where none is registered for it."""
    return next(((name, arch) for name, arch in BACKBONES if arch.is_config(config)), None)


def architecture_of_config(config: Mapping[str, Any]) -> Architecture:
    """Return the architecture of a config.json, or what is assumed of unregistered ones."""
    registered = find_architecture(config)
    return registered[1] if registered else UNREGISTERED


def num_positions(config: Mapping[str, Any]) -> int | None:
    """Return the most tokens that an encoder can read; None where its config sets no limit."""
    is_gpt = config.get("model_type") in ("gpt2", "openai-gpt")
    limit = config.get("n_positions" if is_gpt else "max_position_embeddings")
    if not isinstance(limit, int) or limit <= 0:  # as where positions are relative alone
        return None
    if config.get("model_type") in OFFSET_POSITIONS:
        pad_id = config.get("pad_token_id")
        return limit - 1 - (1 if pad_id is None else int(pad_id))
    return limit
