"""What a compiled step computes of the last layer is what the whole layer holds there."""

import pytest
import torch
import transformers

from mae_bench.draws import Block, Draws
from mae_bench.masking import CLS_ID, NUM_SPECIAL, PAD_ID, SEP_ID
from mae_bench.model.backbone import build_backbone
from mae_bench.model.last_layer import can_skip, states_at
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.objectives.view_tensors import with_filling
from mae_bench.specs import BackboneSpec

V, L, LENGTHS = 90, 24, (24, 19, 11, 7)
B = len(LENGTHS)
SPEC = BackboneSpec(num_layers=2, hidden_size=32, num_heads=2, max_length=L)
has_own_rotation = hasattr(build_backbone(SPEC, V, 0).encoder.layers[-1].attn, "rotary_emb")
needs_skip = pytest.mark.skipif(
    has_own_rotation,
    reason=f"ModernBERT of transformers {transformers.__version__} always runs its whole last "
    "layer; later versions let a compiled step skip what nobody reads",
)


@pytest.fixture
def compiling(monkeypatch):
    """Have every pass count as one that torch compiles."""
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)


def rows(is_padded):
    ids = torch.randint(NUM_SPECIAL, V, (B, L), generator=torch.Generator().manual_seed(0))
    for row, length in zip(ids, LENGTHS if is_padded else (L,) * B, strict=True):
        row[0], row[length - 1], row[length:] = CLS_ID, SEP_ID, PAD_ID
    return Block(ids, ids == PAD_ID if is_padded else None)


def gradients_of(module, loss):
    named = dict(module.named_parameters())
    given = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    zero = torch.zeros(())
    return {name: zero if g is None else g for name, g in zip(named, given, strict=True)}


@needs_skip
@pytest.mark.parametrize("is_padded", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
def test_states_and_gradients_are_those_of_the_whole_layer(layers, is_padded):
    spec = SPEC.model_copy(update={"num_layers": layers})
    encoder, block = build_backbone(spec, V, 0).encoder, rows(is_padded)
    encoder.set_attn_implementation("eager")
    at = torch.tensor([[1, 5, 6], [0, 2, 17], [3, 9, 10], [1, 2, 5]])  # none is padding
    positions = torch.arange(L).expand(B, L) * 3
    mask = None if block.is_pad is None else (~block.is_pad).long()
    whole = encoder(input_ids=block.ids, position_ids=positions, attention_mask=mask)
    wanted = whole.last_hidden_state.gather(1, at[..., None].expand(-1, -1, 32))
    states = states_at(encoder, at, positions, block.is_pad, input_ids=block.ids)
    torch.testing.assert_close(states, wanted, rtol=1e-5, atol=1e-5)
    weights = torch.randn(wanted.shape, generator=torch.Generator().manual_seed(1))
    own = gradients_of(encoder, (states * weights).sum())
    other = gradients_of(encoder, (wanted * weights).sum())
    for name, gradient in other.items():
        torch.testing.assert_close(own[name], gradient, rtol=1e-4, atol=1e-4)


@needs_skip
@pytest.mark.parametrize("is_padded", [True, False])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mlm", {}),
        ("mlm", {"predict_from": "before"}),
        ("mlm", {"corrupt_ratio": 0.4, "predict_ratio": 0.2}),
        ("mae", {"decoder_layers": 2}),
    ],
)
def test_a_loss_is_the_same_and_the_rest_of_the_layer_is_not_run(
    name, options, is_padded, monkeypatch
):
    made = OBJECTIVES.get(name)(
        build_backbone(SPEC, V, 0), SPEC, parse_options(name, options), seed=0
    ).train()
    view = with_filling(made.corrupt(rows(is_padded), Draws(0, 0, torch.arange(B))))
    stack = made.backbone.encoder if name == "mlm" else made.decoder.stack
    calls = []
    stack.layers[-1].register_forward_hook(lambda *_: calls.append(1))
    wanted = made(view).loss
    assert len(calls) == 1
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    loss = made(view).loss
    assert len(calls) == 1
    torch.testing.assert_close(loss, wanted, rtol=1e-5, atol=1e-5)
    own, other = gradients_of(made, loss), gradients_of(made, wanted)
    for key, gradient in other.items():
        torch.testing.assert_close(own[key], gradient, rtol=1e-3, atol=1e-5)


def test_hidden_masks_need_the_whole_layer(compiling):
    made = OBJECTIVES.get("mlm")(
        build_backbone(SPEC, V, 0), SPEC, parse_options("mlm", {"hides_masks": True}), seed=0
    )
    view = with_filling(made.corrupt(rows(False), Draws(0, 0, torch.arange(B))))
    calls = []
    made.backbone.encoder.layers[-1].register_forward_hook(lambda *_: calls.append(1))
    made(view)
    assert calls


def test_steps_that_are_not_compiled_run_the_whole_layer():
    assert not can_skip(build_backbone(SPEC, V, 0).encoder)


@pytest.mark.parametrize(
    "change",
    [
        {"dropout": 0.1},
        {"arch": "bert"},
        {"arch": "gru"},
    ],
)
def test_other_encoders_run_the_whole_layer(change, compiling):
    assert can_skip(build_backbone(SPEC, V, 0).encoder) != has_own_rotation
    other = build_backbone(BackboneSpec(**{**SPEC.model_dump(exclude_unset=True), **change}), V, 0)
    assert not can_skip(other.encoder)
