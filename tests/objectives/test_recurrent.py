"""Recurrent encoders behind the backbone's surface: order, gaps, padding, costs, reloading."""

import pytest
import torch
from small_blocks import L, V, run_pretraining, write_blocks
from torch.utils.flop_counter import FlopCounterMode

from mae_bench.backbones import check_backbone
from mae_bench.costs import Stack, StepShape, stack_of_config
from mae_bench.draws import Block, Draws
from mae_bench.errors import SpecError
from mae_bench.masking import CLS_ID, NUM_SPECIAL, SEP_ID
from mae_bench.model.backbone import build_backbone, load_backbone
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.specs import BackboneSpec

ARCHS = ["bilstm", "gru"]


def spec_of(arch, **sizes):
    sizes = {"num_layers": 2, "hidden_size": 32, "num_heads": 2, "max_length": 64} | sizes
    return BackboneSpec(arch=arch, **sizes)


def rows(count=3, length=20, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(NUM_SPECIAL, V, (count, length), generator=generator)


@pytest.mark.parametrize("arch", ARCHS)
def test_tokens_are_read_in_the_order_of_their_positions(arch):
    backbone = build_backbone(spec_of(arch), V, 0).eval()
    ids = rows()
    order = torch.stack([torch.randperm(20) for _ in range(3)])
    shuffled = backbone(ids.gather(1, order), order)
    plain = backbone(ids).gather(1, order[..., None].expand_as(shuffled))
    assert torch.allclose(shuffled, plain, atol=1e-6)


@pytest.mark.parametrize("arch", ARCHS)
def test_a_removed_token_leaves_a_gap(arch):
    backbone = build_backbone(spec_of(arch), V, 0).eval()
    ids, kept = rows(), torch.tensor([[0, 1, 5, 9]]).expand(3, -1)
    seen = ids.gather(1, kept)
    assert not torch.allclose(backbone(seen, kept), backbone(seen), atol=1e-3)


@pytest.mark.parametrize("arch", ARCHS)
def test_padding_influences_no_real_token_in_either_direction(arch):
    """Wherever it stands: behind a text, or between kept and removed tokens of a decoder."""
    backbone = build_backbone(spec_of(arch), V, 0).eval()
    ids, positions = rows(), torch.arange(20).expand(3, -1)
    is_pad = torch.zeros(3, 20, dtype=torch.bool)
    is_pad[0, 12:], is_pad[1, 3:7], is_pad[1, 17:] = True, True, True
    other = torch.where(is_pad, (ids + 11) % V, ids)
    first, second = backbone(ids, positions, is_pad), backbone(other, positions, is_pad)
    assert torch.equal(first[~is_pad], second[~is_pad])
    for row in range(3):
        real = ~is_pad[row]
        alone = backbone(ids[row : row + 1, real], positions[row : row + 1, real])
        assert torch.allclose(first[row, real], alone[0], atol=1e-5), row


@pytest.mark.parametrize("arch", ARCHS)
def test_both_directions_reach_every_token(arch):
    backbone = build_backbone(spec_of(arch, num_layers=1), V, 0).eval()
    ids = rows(1)
    plain = backbone(ids)
    for changed in (0, 19):
        other = ids.clone()
        other[0, changed] = (other[0, changed] + 1) % V
        assert ((backbone(other) - plain).abs().amax(-1) > 0).all()


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("shape", [(1, 32, 2, 24, 6), (2, 64, 2, 40, 3), (3, 48, 4, 32, 5)])
@pytest.mark.parametrize("name", ["mlm", "mae"])
def test_counted_flops_match_torch(name, shape, arch):
    layers, width, heads, length, count = shape
    spec = spec_of(arch, num_layers=layers, hidden_size=width, num_heads=heads)
    kind, options = OBJECTIVES.get(name), parse_options(name, {})
    objective = kind(build_backbone(spec, V, 0), spec, options, seed=0).train()
    ids = rows(count, length)
    ids[:, 0], ids[:, -1] = CLS_ID, SEP_ID
    view = objective.corrupt(Block(ids), Draws(0, 0, torch.arange(count)))
    changes = {key: value.to("meta") for key, value in vars(view).items() if torch.is_tensor(value)}
    view = type(view)(**(vars(view) | changes))
    objective.to("meta")
    with FlopCounterMode(display=False) as counter:
        objective(view).loss.backward()
    predicted = kind.flops_per_step(options, StepShape(spec, count, length, V)).total
    assert counter.get_total_flops() == pytest.approx(predicted, rel=0.01)


@pytest.mark.parametrize("arch", ARCHS)
def test_a_pretraining_is_reloaded_as_it_was_saved(arch, tmp_path):
    write_blocks(tmp_path / "blocks")
    spec = spec_of(arch, num_layers=1, max_length=L)
    out = run_pretraining(tmp_path, "mae", {"decoder_width": 16}, backbone=spec)
    start = run_pretraining(tmp_path, "random_init", backbone=spec)
    trained, initial, built = (
        load_backbone(out).eval(), load_backbone(start).eval(), build_backbone(spec, V, 0).eval()
    )  # fmt: skip
    ids = rows()
    assert torch.equal(initial(ids), built(ids))
    assert not torch.allclose(trained(ids), initial(ids), atol=1e-3)
    assert stack_of_config(trained.config) == Stack.of(spec)
    hidden = trained.layers(ids)
    assert len(hidden) == 2 and torch.equal(hidden[-1], trained(ids))


def test_autocast_on_a_cpu_leaves_the_numbers_as_they_are():
    backbone = build_backbone(spec_of("bilstm"), V, 0).eval()
    with torch.autocast("cpu", torch.bfloat16):
        mixed = backbone(rows())
    assert torch.equal(mixed, backbone(rows()))


def test_what_only_attention_can_do_is_refused():
    with pytest.raises(SpecError, match="needs attention"):
        OBJECTIVES.get("causal").check(parse_options("causal", {}), spec_of("gru"), L)
    with pytest.raises(SpecError, match=r"'gru' reads every token in both directions; choose"):
        build_backbone(spec_of("gru"), V, 0)(rows(), is_causal=True)
    with pytest.raises(SpecError, match=r"backbone: hidden_size 33 must be even for arch 'gru'"):
        check_backbone(spec_of("gru", hidden_size=33, num_heads=1))


@pytest.mark.parametrize("name", ["mae", "mae_bottleneck"])
@pytest.mark.parametrize("arch", ARCHS)
def test_heads_of_a_decoder_without_attention_are_refused(arch, name):
    def check(spec, **options):
        OBJECTIVES.get(name).check(parse_options(name, options), spec, L)

    spec = spec_of(arch)
    with pytest.raises(
        SpecError, match=r"decoder_heads 4 has no effect .* decoder_attention: cross"
    ):
        check(spec, decoder_heads=4)
    check(spec, decoder_heads=4, decoder_attention="cross")
    check(spec, decoder_width=16)
    for width, odd in ((20, spec), (15, spec_of(arch, hidden_size=30))):
        with pytest.raises(SpecError, match=f"decoder_width {width} must be even and a multiple"):
            check(odd, decoder_width=width)
