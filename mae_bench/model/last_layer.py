"""The states of few positions, without the rest of the last layer, in compiled steps on a CPU.

Who predicts 15% of a row's tokens reads as many states of the last layer; of the others it needs
keys and values alone. What is read is the same but for rounding, so steps that are run one by one,
whose numbers are kept to the bit, compute the whole layer. Legend: B rows, S tokens a row, M
positions that are read, D hidden size.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from mae_bench.model.attention_mask import UNSEEN


def can_skip(encoder: Any) -> bool:
    """Return whether a compiled step need not compute the whole last layer of an encoder.

    It is ModernBERT's as this package builds it: full attention, no biases, no dropout.
    """
    if not torch.compiler.is_compiling():
        return False
    config = encoder.config
    can: bool = (
        config.model_type == "modernbert"
        and next(encoder.parameters()).device.type == "cpu"
        and set(config.layer_types) == {"full_attention"}
        and not config.attention_bias
        and not getattr(config, "is_causal_encoder", False)
        and not (config.attention_dropout or config.mlp_dropout or config.embedding_dropout)
        # transformers before 5.17 may have layers that rotate by themselves
        and not hasattr(encoder.layers[-1].attn, "rotary_emb")
    )
    return can


def states_at(
    encoder: Any,
    at: Tensor,
    positions: Tensor,
    is_pad: Tensor | None,
    *,
    input_ids: Tensor | None = None,
    inputs_embeds: Tensor | None = None,
) -> Tensor:
    """Return [B, M, D] the last hidden states at ``at`` of an encoder that `can_skip` the others.

    Args:
        encoder: of transformers.
        at: [B, M] indices into the S tokens.
        positions: [B, S] positions in the original row.
        is_pad: [B, S], True where a token is padding; None where there is none.
        input_ids: [B, S] tokens, or else
        inputs_embeds: [B, S, D] vectors.
    """
    hidden = encoder.embeddings(input_ids=input_ids, inputs_embeds=inputs_embeds)
    rotation = encoder.rotary_emb(hidden, positions, "full_attention")
    mask = None if is_pad is None else torch.where(is_pad, UNSEEN, 0.0)[:, None, None]
    *others, last = encoder.layers
    for layer in others:
        hidden = layer(hidden, attention_mask=mask, position_embeddings=rotation)
    states: Tensor = encoder.final_norm(_last_layer(last, hidden, rotation, mask, at))
    return states


def _last_layer(
    layer: Any, hidden: Tensor, rotation: tuple[Tensor, Tensor], mask: Tensor | None, at: Tensor
) -> Tensor:
    """Return [B, M, D] the layer's output at some positions of [B, S, D]."""
    attention, normed = layer.attn, layer.attn_norm(hidden)
    width = hidden.shape[-1]
    query_weight, other_weight = attention.Wqkv.weight.split((width, 2 * width))
    heads = (-1, attention.head_dim)
    queries = F.linear(_picked(normed, at), query_weight).unflatten(-1, heads)
    keys, values = F.linear(normed, other_weight).unflatten(-1, (2, *heads)).unbind(2)
    queries = _rotated(queries, *(_picked(part, at) for part in rotation)).transpose(1, 2)
    keys = _rotated(keys, *rotation).transpose(1, 2)
    scores = queries @ keys.transpose(2, 3) * attention.head_dim**-0.5
    if mask is not None:
        scores = scores + mask
    weights = scores.softmax(-1, dtype=torch.float32).to(queries.dtype)
    read = (weights @ values.transpose(1, 2)).transpose(1, 2).flatten(2)
    states = _picked(hidden, at) + attention.Wo(read)
    output: Tensor = states + layer.mlp(layer.mlp_norm(states))
    return output


def _picked(values: Tensor, at: Tensor) -> Tensor:
    """Return [B, M, D] of [B, S, D]."""
    return values.gather(1, at[..., None].expand(-1, -1, values.shape[-1]))


def _rotated(vectors: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Return [B, S, heads, size] rotated by [B, S, size], in float32 as transformers does."""
    first, second = vectors.float().chunk(2, dim=-1)
    turned = torch.cat((-second, first), dim=-1)
    rotated = vectors.float() * cos.unsqueeze(2) + turned * sin.unsqueeze(2)
    return rotated.to(vectors.dtype)
