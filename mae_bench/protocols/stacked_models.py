"""Models of one structure as one program: their trained parameters lie side by side.

Legend: k models, P trained parameters of a model, B rows, S tokens, K texts of an example.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from mae_bench.model.heads import LinearHead, TaskModel
from mae_bench.model.stackable import shared_and_stacked, structure_of
from mae_bench.training.optim import clip_factors
from mae_bench.training.stacked_adamw import Span

_ALIGNED = 64  # parameters; kernels read several at once


class _GivenDropout(nn.Module):
    """Dropout by noise that is drawn outside, where each model has draws of its own."""

    noise: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("noise", torch.ones((), device="meta"))

    def forward(self, states: Tensor) -> Tensor:
        return states * self.noise if self.training else states


class StackedModels:
    """k models that differ in their weights; what is not trained may be theirs in common.

    Args:
        models: of one structure, on their device; the same one may stand there several times.
        starts: what each starts from: its ``state_dict``.
        weight_decay: of matrices.
        lr_factor: of a parameter's rate, by its name.
    """

    def __init__(
        self,
        models: Sequence[TaskModel],
        starts: Sequence[dict[str, Tensor]],
        weight_decay: float,
        lr_factor: Callable[[str], float],
    ) -> None:
        """Stack the weights; each model is read and left as it is."""
        first = models[0]
        self.models = models
        self.structure = structure_of(first)
        if isinstance(first.head, LinearHead):
            self.structure.head.dropout = _GivenDropout()
        trained = [(name, p) for name, p in first.named_parameters() if p.requires_grad]
        groups = {
            name: (lr_factor(name), p.ndim < 2, weight_decay if p.ndim >= 2 else 0.0)
            for name, p in trained
        }
        # one group after another, and what is not aligned last
        trained.sort(key=lambda each: (groups[each[0]], each[1].numel() % _ALIGNED > 0))
        self.shapes = {name: p.shape for name, p in trained}
        sizes = [p.numel() for _, p in trained]
        self.sizes = [*sizes, -sum(sizes) % _ALIGNED]
        self.spans = _spans([groups[name] for name, _ in trained], sizes)
        own = {
            id(start): torch.cat(
                [start[name].flatten() for name in self.shapes]
                + [next(first.parameters()).new_zeros(self.sizes[-1])]
            )
            for start in starts
        }
        self.flat = nn.Parameter(torch.stack([own[id(start)] for start in starts]))
        self.shared, self.fixed = shared_and_stacked([_untrained(model) for model in models])

    def __call__(self, ids: Tensor, is_pad: Tensor | None, noise: Tensor | None = None) -> Tensor:
        """Return outputs [k, B, ...] of ids and padding [k, B, S] or [k, B, K, S].

        Args:
            ids: of each model.
            is_pad: of each, or None where none has padding.
            noise: factors [k, ...] of what goes into the head's linear layer, where one that
                has one is trained.
        """
        given = {"ids": ids}
        given |= {} if is_pad is None else {"is_pad": is_pad}
        given |= {} if noise is None else {"noise": noise}

        def outputs_of(own: dict[str, Tensor], batch: dict[str, Tensor]) -> Tensor:
            state = {**own, **self.shared}
            if "noise" in batch:
                state["head.dropout.noise"] = batch["noise"]
            outputs: Tensor = functional_call(
                self.structure, state, (batch["ids"], batch.get("is_pad"))
            )
            return outputs

        # one split, whose gradient is one concatenation
        parts = self.flat.split(self.sizes, dim=1)[:-1]
        trained = {
            name: part.unflatten(1, shape)
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }
        stacked: Tensor = vmap(outputs_of)({**trained, **self.fixed}, given)
        return stacked

    @torch.no_grad()
    def clipped(self, clip_norm: float) -> Tensor:
        """Return the gradient [k, P], of each model no longer than the norm."""
        gradient = self.flat.grad
        assert gradient is not None
        norms = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
        return gradient.mul_(clip_factors(norms, clip_norm))

    @torch.no_grad()
    def install(self, index: int) -> None:
        """Give the weights at one place to the model there."""
        parts = self.flat[index].split(self.sizes)[:-1]
        named = dict(self.models[index].named_parameters())
        for (name, shape), part in zip(self.shapes.items(), parts, strict=True):
            named[name].copy_(part.view(shape))


def _untrained(model: TaskModel) -> dict[str, Tensor]:
    """Return the tensors that stay as they are, by name."""
    fixed = {name: p.detach() for name, p in model.named_parameters() if not p.requires_grad}
    return fixed | dict(model.named_buffers())


def _spans(groups: Sequence[tuple[float, bool, float]], sizes: Sequence[int]) -> list[Span]:
    """Return what is updated alike, of parameters that stand by group."""
    spans: list[Span] = []
    start = 0
    for (factor, _, decay), size in zip(groups, sizes, strict=True):
        end = start + size
        if spans and (spans[-1].weight_decay, spans[-1].lr_factor) == (decay, factor):
            spans[-1] = Span(spans[-1].start, end, decay, factor)
        else:
            spans.append(Span(start, end, decay, factor))
        start = end
    return spans
