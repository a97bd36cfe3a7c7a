"""AdamW of several models at rates of their own is torch's AdamW of each."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mae_bench.training.bert_adam import BertAdam
from mae_bench.training.stacked_adamw import Span, StackedAdamW

HOW = {"betas": (0.8, 0.95), "eps": 1e-6}
SPANS = [Span(0, 5, 0.1, 1.0), Span(5, 7, 0.0, 0.5)]


@pytest.mark.parametrize("is_corrected", [True, False])
def test_each_model_moves_as_it_does_alone(is_corrected):
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(3, 8, generator=generator)
    peaks = (1e-3, 0.1, 1.0)
    stack = start.clone()
    stacked = StackedAdamW(stack, SPANS, **HOW, is_corrected=is_corrected)
    singles, optimizers = [], []
    for row, peak in zip(start, peaks, strict=True):
        singles.append([row[span.start : span.end].clone() for span in SPANS])
        groups = [
            {"params": [part], "weight_decay": span.weight_decay, "lr": peak * span.lr_factor}
            for part, span in zip(singles[-1], SPANS, strict=True)
        ]
        build = torch.optim.AdamW if is_corrected else BertAdam
        optimizers.append(build(groups, lr=peak, **HOW))
    for step in range(6):
        gradient = torch.randn(3, 8, generator=generator)
        factor = 1 - step / 10
        stacked.step(gradient, factor * torch.tensor(peaks)[:, None])
        for index, optimizer in enumerate(optimizers):
            for group, span in zip(optimizer.param_groups, SPANS, strict=True):
                group["lr"] = peaks[index] * span.lr_factor * factor
                group["params"][0].grad = gradient[index, span.start : span.end].clone()
            optimizer.step()
    wanted = torch.stack([torch.cat(parts) for parts in singles])
    assert torch.allclose(stack[:, :7], wanted, rtol=1e-6, atol=1e-6)
    assert torch.equal(stack[:, 7], start[:, 7]), "what is in no span stays"


class _Full(TorchDispatchMode):
    """A device without memory for another tensor of that many numbers."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        given = {id(each) for each in (*args, *(kwargs or {}).values())}
        if isinstance(out, torch.Tensor) and out.numel() >= self.size and id(out) not in given:
            raise torch.OutOfMemoryError
        return out


def test_a_step_for_which_there_is_no_memory_moves_nothing():
    """It is taken again, once recordings are dropped."""
    stacked = StackedAdamW(torch.ones(3, 8), SPANS, **HOW)
    gradient, rates = torch.ones(3, 8), torch.full((3, 1), 0.1)
    stacked.step(gradient, rates)
    held = [stacked.parameters, stacked.mean, stacked.square, stacked.num_steps]
    before = [each.clone() for each in held]
    with pytest.raises(torch.OutOfMemoryError), _Full(24):
        stacked.step(gradient, rates)
    assert all(map(torch.equal, before, held))
