"""Encoders of an older transformers do what later ones do; these hold on any version."""

import sys
from contextlib import nullcontext

import pytest
import torch
import transformers
from torch import nn

from mae_bench.model.backbone import Backbone, build_config, build_stack
from mae_bench.model.older_transformers import follow_later
from mae_bench.specs import BackboneSpec

SPEC = BackboneSpec(num_layers=2, hidden_size=32, num_heads=2, max_length=256)
V, L = 90, 200


def maybe_autocast(device_type, **given):
    """Return what transformers 5.0 does: torch is asked of any device."""
    if torch.is_autocast_enabled(device_type) or given["enabled"]:
        return torch.autocast(device_type, **given)
    return nullcontext()


class Rotating(nn.Module):
    """An encoder whose code looks the function up in its module, as transformers' does."""

    def forward(self, x):
        with maybe_autocast(x.device.type, enabled=False):
            return x @ x


def test_an_encoder_that_turns_autocast_off_runs_on_meta_and_stays_exact(monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "maybe_autocast", maybe_autocast)  # restored after
    encoder, x = Rotating(), torch.ones(2, 2)
    with pytest.raises(RuntimeError, match="unknown device"):
        encoder(x.to("meta"))
    assert follow_later(encoder) is encoder
    assert encoder(x.to("meta")).shape == (2, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert encoder(x).dtype == torch.float32
    known = maybe_autocast
    follow_later(encoder)
    assert maybe_autocast is known  # not wrapped again


@pytest.mark.parametrize("kind", ["MPNet", "ModernBert"])
def test_no_warning_reads_ids_on_the_host(kind):
    fields = {"vocab_size": V, "hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 1}
    if kind == "ModernBert":
        fields |= {"cls_token_id": 2, "sep_token_id": 3, "eos_token_id": 3, "bos_token_id": 2}
    config = getattr(transformers, f"{kind}Config")(**fields, intermediate_size=64, pad_token_id=1)
    encoder = follow_later(transformers.AutoModel.from_config(config)).to("meta")
    encoder.warn_if_padding_and_no_attention_mask(torch.ones(1, 9, device="meta").long(), None)


@torch.no_grad()
@pytest.mark.parametrize("kernel", ["eager", "sdpa"])
def test_the_second_layer_of_any_stack_sees_the_whole_row(kernel):
    torch.manual_seed(0)
    stack = build_stack(build_config(SPEC, V)).eval()  # as decoders and generators are built
    stack.set_attn_implementation(kernel)
    assert stack.config._attn_implementation == kernel
    stack.layers[0].attn.Wo.weight.zero_()  # only the second mixes tokens
    stack.layers[1].attn.Wo.weight.mul_(50)
    ids = torch.arange(L)[None] % 80 + 5
    other = ids.clone()
    other[0, -1] = 86
    first, second = (Backbone(stack)(each)[0, 0] for each in (ids, other))
    assert float((first - second).abs().max()) > 1e-4
