"""Gives an encoder's embedding and vocabulary head the rows of another numbering of its tokens.

Legend: V tokens, R rows of the embedding before; R is larger where rows pad it to a round number.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mae_bench.data.tokenizer import CLS, PAD, SEP

_ROLES = {
    "pad_token_id": PAD,
    "cls_token_id": CLS,
    "sep_token_id": SEP,
    "bos_token_id": CLS,
    "eos_token_id": SEP,
}


def rows_of(theirs: Mapping[str, int], ours: Mapping[str, int]) -> Tensor:
    """Return [V]: for each of our ids, the row that holds the same token in an encoder."""
    by_id = sorted(ours, key=lambda word: ours[word])
    return torch.tensor([theirs[word] for word in by_id])


@torch.no_grad()
def take_rows(model: nn.Module, rows: Tensor) -> None:
    """Keep the named rows of all that a transformers model has for each token, in this order.

    These are the token embedding, and where there is a vocabulary head its weight and bias, tied
    or not; what was tied stays tied. Rows beyond the vocabulary are cut: drawn at random, they
    would stand for tokens that no text has. The config then says V, and our special ids.
    """
    source: Any = model
    embedding = source.get_input_embeddings()
    head = source.get_output_embeddings() if hasattr(source, "get_output_embeddings") else None
    size = len(embedding.weight)
    old = [embedding.weight, *(head.parameters() if head is not None else ())]
    new = {id(p): nn.Parameter(p[rows], p.requires_grad) for p in old if len(p) == size}
    for module in model.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            if id(parameter) in new:
                setattr(module, name, new[id(parameter)])
    embedding.num_embeddings = len(rows)
    if embedding.padding_idx is not None:
        embedding.padding_idx = PAD
    if head is not None:
        head.out_features = len(rows)
    for config in {id(module.config): module.config for module in _configured(model)}.values():
        config.vocab_size = len(rows)
        for name, token_id in _ROLES.items():
            if hasattr(config, name):
                setattr(config, name, token_id)


def _configured(model: nn.Module) -> list[Any]:
    return [module for module in model.modules() if hasattr(module, "config")]
