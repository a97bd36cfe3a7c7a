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
    dropout_names = (
        "dropout",
        "hidden_dropout_prob",
        "attention_probs_dropout_prob",
        "embedding_dropout",
        "attention_dropout",
        "mlp_dropout",
    )


UNREGISTERED = Unregistered()


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
