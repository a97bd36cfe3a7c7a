"""How far a student is from its teacher: in token distributions, hidden states, attention.

Legend: B rows, S tokens a row, N predicted tokens, V vocabulary size, D width, R relation heads.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mae_bench.backbones import BACKBONES, content_of, find_architecture
from mae_bench.errors import SpecError
from mae_bench.model.means import masked_mean


def soft_loss(
    student: Tensor, teacher: Tensor, temperature: float, is_filling: Tensor | None = None
) -> Tensor:
    """Return KL(teacher | student) of logits [N, V] in nats a token, times temperature squared.

    Source: Hinton et al. 2015, arXiv:1503.02531. Entries where ``is_filling`` [N] have no say.
    """
    if not len(student):
        return student.sum()  # 0, with a gradient of 0
    ours = F.log_softmax(student.float() / temperature, -1)
    theirs = F.log_softmax(teacher.float() / temperature, -1)
    # Softened logits have gradients smaller by 1 / temperature^2; this keeps the loss' weight.
    if is_filling is None:
        return temperature**2 * F.kl_div(ours, theirs, reduction="batchmean", log_target=True)
    each = F.kl_div(ours, theirs, reduction="none", log_target=True).sum(-1)
    return temperature**2 * masked_mean(each, is_filling)


def mean_cosine(
    student: Tensor, teacher: Tensor, is_pad: Tensor | None, *, keeps_filling: bool = False
) -> Tensor:
    """Return the mean cosine of hidden states [B, S, D] over tokens that are not padding."""
    cosine = F.cosine_similarity(student.float(), teacher.float(), dim=-1)
    return _mean_real(cosine, is_pad, keeps_filling)


@contextmanager
def last_projections(encoder: nn.Module) -> Iterator[list[Tensor]]:
    """Give a list that the encoder's next pass fills with its last layer's queries, keys, values.

    Each is [B, S, D], as its linear layer makes it: before heads are split and, in ModernBERT,
    before positions rotate it.

    """
    layers = attention_layers(encoder)
    projections: list[Tensor] = []

    def keep(_: nn.Module, __: object, output: Tensor) -> None:
        projections.extend(output.chunk(3, dim=-1) if len(layers) == 1 else [output])

    handles = [layer.register_forward_hook(keep) for layer in layers]
    try:
        yield projections
    finally:
        for handle in handles:
            handle.remove()


def attention_layers(encoder: nn.Module) -> list[nn.Module]:
    """Return the linear layers of the last attention: one for all three, or query, key, value.

    In an encoder that is not registered they are recognised by the names that registered ones have.

    Raises:
        SpecError: the encoder's attention has no such layers.
    """
    registered = find_architecture(content_of(encoder.config))
    known = [registered[1]] if registered else [arch for _, arch in BACKBONES]
    kinds = list(dict.fromkeys(arch.projections for arch in known if arch.projections))
    last: list[nn.Module] = []
    for module in encoder.modules():
        children = dict(module.named_children())
        for names in kinds:
            if all(name in children for name in names):
                last = [children[name] for name in names]
    if not last:
        named = f" (layers named {' or '.join(map(', '.join, kinds))})" if kinds else ""
        raise SpecError(
            f"relation_weight compares queries, keys and values{named}; {type(encoder).__name__} "
            "has none under these names: set relation_weight: 0 or choose another encoder"
        )
    return last


def relation_loss(
    student: list[Tensor],
    teacher: list[Tensor],
    is_pad: Tensor | None,
    num_heads: int,
    *,
    keeps_filling: bool = False,
) -> Tensor:
    """Return the summed divergences KL(teacher | student) of the three relations, in nats.

    Each is a mean over relation heads and over tokens that are not padding.
    Source: Wang et al. 2020, arXiv:2002.10957 (MiniLM), with the query, key and value relations
    of Wang et al. 2021, arXiv:2012.15828 (MiniLMv2), which differ from it.

    Args:
        student: queries, keys and values, each [B, S, D] of its own width.
        teacher: the same of the teacher.
        is_pad: [B, S], or None.
        num_heads: R, which divides both widths.
        keeps_filling: whether padding is left out by a weight, so that no shape depends on it.
    """
    total = torch.zeros((), device=student[0].device)
    for ours, theirs in zip(student, teacher, strict=True):
        wanted = _log_relation(theirs, is_pad, num_heads)
        got = _log_relation(ours, is_pad, num_heads)
        # where both are impossible, at padding, their difference is left out
        gap = torch.where(wanted.isinf(), 0.0, wanted - got)
        divergence = (wanted.exp() * gap).sum(-1).mean(1)
        total = total + _mean_real(divergence, is_pad, keeps_filling)
    return total


def _mean_real(values: Tensor, is_pad: Tensor | None, keeps_filling: bool) -> Tensor:
    """Return the mean of values [B, S] over tokens that are not padding."""
    if is_pad is None:
        return values.mean()
    return masked_mean(values, is_pad) if keeps_filling else values[~is_pad].mean()


def _log_relation(states: Tensor, is_pad: Tensor | None, num_heads: int) -> Tensor:
    """Return [B, R, S, S], the log of softmax(X X^T / sqrt(D / R)) of states [B, S, D]."""
    heads = states.unflatten(-1, (num_heads, -1)).transpose(1, 2)
    # fp32 before the softmax: padding gets minus infinity, and the divergence takes logarithms
    scores = (heads @ heads.transpose(-1, -2)).float() / heads.shape[-1] ** 0.5
    if is_pad is not None:
        scores = scores.masked_fill(is_pad[:, None, None, :], -torch.inf)
    return F.log_softmax(scores, dim=-1)
