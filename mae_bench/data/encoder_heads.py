"""What an encoder's config says of its head: whether it can be asked for tokens, and how.

Plans ask, so nothing here loads a model; whether the head's weights are in the file shows when it
is read (`mae_bench.model.head_folder`).
"""

from collections.abc import Mapping
from typing import Any, Literal

HeadKind = Literal["masked", "causal"]
_ENDINGS: Mapping[str, HeadKind] = {
    "ForMaskedLM": "masked",
    "ForCausalLM": "causal",
    "LMHeadModel": "causal",  # GPT-2's, and others' of its time
}


def named_head(config: Mapping[str, Any]) -> HeadKind | None:
    """Return which head the first of a config's ``architectures`` has, if it names tokens.

    ``masked`` predicts a hidden token from all others, ``causal`` each from those before it.
    """
    name = architecture_name(config)
    return next((kind for ending, kind in _ENDINGS.items() if name.endswith(ending)), None)


def architecture_name(config: Mapping[str, Any]) -> str:
    """Return the class that a config was saved from; empty where it does not say."""
    names = config.get("architectures")
    return str(names[0]) if isinstance(names, list | tuple) and names else ""
