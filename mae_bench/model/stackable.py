"""The structure of a model, to be called with the stacked tensors of several under torch.func."""

import copy
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from mae_bench.model.attention_mask import attention_mask, in_window
from mae_bench.model.older_modernbert import is_older

Module = TypeVar("Module", bound=nn.Module)


def structure_of(model: Module) -> Module:
    """Return a copy without tensors that runs under `torch.func.vmap` and functional_call."""
    from transformers import PreTrainedModel

    # of single operations that torch runs model by model
    warnings.filterwarnings("ignore", "There is a performance drop", UserWarning)
    structure = copy.deepcopy(model).to("meta")
    for part in structure.modules():
        if isinstance(part, PreTrainedModel):
            part.register_forward_pre_hook(_pads_as_scores, with_kwargs=True)
        if isinstance(part, nn.Embedding) and part.padding_idx is not None:
            part.register_forward_hook(partial(_keep_vector, part.padding_idx))
            part.padding_idx = None
    return structure


def shared_and_stacked(
    models: Sequence[Mapping[str, Tensor]],
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return by name the tensors that are the same in all models, and the others stacked."""
    first = models[0]
    shared = {
        name: value
        for name, value in first.items()
        if all(each[name] is value or torch.equal(each[name], value) for each in models[1:])
    }
    stacked = {
        name: torch.stack([each[name] for each in models]) for name in first if name not in shared
    }
    return shared, stacked


def _keep_vector(token: int, module: nn.Module, args: tuple[Tensor], vectors: Tensor) -> Tensor:
    """Let no gradient reach the vector of a token; under vmap torch keeps the first model's."""
    return torch.where((args[0] == token)[..., None], vectors.detach(), vectors)


def _pads_as_scores(
    module: nn.Module, args: tuple[Any, ...], given: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Give an encoder scores of pairs of tokens: of a row of marks it would ask if all are 1."""
    mask = given.get("attention_mask")
    if isinstance(mask, Tensor) and mask.dim() == 2:
        is_pad = mask == 0
        scores = attention_mask(mask, is_pad, is_unseen=is_pad)
        assert scores is not None  # since there is padding
        given = {**given, "attention_mask": _by_layer(module, scores)}
    return args, given


def _by_layer(encoder: nn.Module, scores: Tensor) -> Tensor | dict[str, Tensor]:
    """Return scores for each type of layer, where some see only what stands near."""
    config: Any = encoder.config
    local = "sliding_attention"
    if local not in (getattr(config, "layer_types", None) or ()) or is_older(encoder):
        return scores
    return {"full_attention": scores, local: in_window(scores, config.local_attention // 2)}
