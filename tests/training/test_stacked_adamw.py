"""AdamW of several models at rates of their own is torch's AdamW of each."""

import pytest
import torch

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
