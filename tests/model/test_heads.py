"""Pooling and heads."""

import pytest
import torch
from small_cases import save_encoder

from mae_bench.model.backbone import load_backbone
from mae_bench.model.heads import PooledHead, TaskModel, build_linear, pool

HIDDEN = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
IS_PAD = torch.arange(5) >= torch.tensor([5, 2, 1])[:, None]


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    return [save_encoder(tmp_path_factory.mktemp("encoder"), seed=seed) for seed in (0, 1)]


def test_mean_pooling_averages_real_tokens_only():
    pooled = pool(HIDDEN, IS_PAD, "mean")
    for row, length in enumerate([5, 2, 1]):
        torch.testing.assert_close(pooled[row], HIDDEN[row, :length].mean(dim=0))


def test_padding_cannot_change_the_mean():
    spoilt = HIDDEN.masked_fill(IS_PAD.unsqueeze(-1), 1e6)
    torch.testing.assert_close(pool(spoilt, IS_PAD, "mean"), pool(HIDDEN, IS_PAD, "mean"))


def test_no_padding_and_an_empty_mask_agree():
    nothing = torch.zeros(3, 5, dtype=torch.bool)
    torch.testing.assert_close(pool(HIDDEN, None, "mean"), pool(HIDDEN, nothing, "mean"))


def test_cls_pooling_takes_the_first_token():
    assert torch.equal(pool(HIDDEN, IS_PAD, "cls"), HIDDEN[:, 0])


def test_pooling_a_half_precision_encoder_gives_single_precision():
    for pooling in ("mean", "cls"):
        assert pool(HIDDEN.bfloat16(), IS_PAD, pooling).dtype == torch.float32


def test_head_weights_depend_on_seed_and_part_alone():
    first = build_linear(32, 3, part="task:a", seed=0)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    again = build_linear(32, 3, part="task:a", seed=0)
    assert torch.equal(torch.get_rng_state(), before), "a head must not draw from the global state"
    assert torch.equal(first.weight, again.weight)
    assert not torch.equal(first.weight, build_linear(32, 3, part="task:b", seed=0).weight)
    assert not torch.equal(first.weight, build_linear(32, 3, part="task:a", seed=1).weight)
    assert first.weight.std().item() == pytest.approx(0.02, rel=0.2)
    assert not first.bias.any()


def test_every_encoder_gets_the_same_task_head(encoders):
    models = [
        TaskModel(load_backbone(folder), PooledHead(32, 3, dropout=0.1, task="t", seed=4))
        for folder in encoders
    ]
    assert torch.equal(models[0].head.linear.weight, models[1].head.linear.weight)
    weights = [next(model.backbone.parameters()) for model in models]
    assert not torch.equal(*weights), "the two encoders should differ, or this test says nothing"


def test_outputs_do_not_depend_on_padding_or_on_the_batch(encoders):
    head = PooledHead(32, 3, dropout=0.5, task="t", seed=0)
    model = TaskModel(load_backbone(encoders[0]), head).eval()
    row = torch.tensor([[2, 9, 8, 3]])
    longer = torch.tensor([[2, 9, 8, 3, 0, 0, 0], [2, 9, 10, 11, 12, 13, 3]])
    is_pad = torch.arange(7) >= torch.tensor([4, 7])[:, None]
    with torch.inference_mode():
        alone = model(row, None)
        batched = model(longer, is_pad)[:1]
        spoilt = model(longer.masked_fill(is_pad, 17), is_pad)[:1]
    torch.testing.assert_close(alone, batched, atol=1e-5, rtol=0)
    torch.testing.assert_close(spoilt, batched, atol=0, rtol=0)
    assert alone.dtype == torch.float32
