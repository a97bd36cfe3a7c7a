"""Every dropout of every registered backbone can be set, wherever it holds its ratio."""

import pytest
import torch
from torch import nn

from mae_bench.backbones import BACKBONES
from mae_bench.draws import Draws
from mae_bench.errors import SpecError
from mae_bench.masking import CLS_ID, NUM_SPECIAL, SEP_ID
from mae_bench.model.backbone import Backbone, build_backbone
from mae_bench.model.dropouts import dropout_ratios
from mae_bench.objectives.base import OBJECTIVES, Block, parse_options
from mae_bench.specs import BackboneSpec

V, B, L = 40, 3, 12
SPEC = BackboneSpec(num_layers=2, hidden_size=32, num_heads=2, max_length=L)


def spec_of(arch, dropout=None):
    return SPEC.model_copy(update={"arch": arch, "dropout": dropout})


def attributes(module):
    """All numbers that the modules of an encoder hold, by module and attribute."""
    return {
        (path, name): value
        for path, part in module.named_modules()
        for name, value in vars(part).items()
        if isinstance(value, float)
    }


@pytest.mark.parametrize("arch", BACKBONES.names())
def test_no_number_of_the_built_ratio_is_left(arch):
    """By value, not by name: what holds the ratio is all that could drop."""
    backbone = build_backbone(spec_of(arch, dropout=0.37), V, 0)
    held = {key for key, value in attributes(backbone).items() if value == 0.37}
    assert held
    backbone.set_dropout(0.41)
    after = attributes(backbone)
    assert {after[key] for key in held} == {0.41} and 0.37 not in after.values()


@pytest.mark.parametrize("arch", BACKBONES.names())
def test_setting_it_is_building_with_it(arch):
    ids = torch.randint(NUM_SPECIAL, V, (B, L), generator=torch.Generator().manual_seed(0))
    states = []
    for built, ratio in ((0.37, 0.37), (0.0, 0.37), (0.2, 0.37), (0.0, 0.0), (0.37, 0.0)):
        backbone = build_backbone(spec_of(arch, dropout=built), V, 0).train()
        backbone.set_dropout(ratio)
        torch.manual_seed(0)
        states.append(backbone(ids))
    assert torch.equal(states[0], states[1]) and torch.equal(states[0], states[2])
    assert torch.equal(states[3], states[4]) and not torch.equal(states[0], states[3])


def test_what_torch_and_transformers_hold_as_numbers_is_set():
    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, dropout=0.1)
            self.stack = nn.GRU(8, 8, num_layers=2, dropout=0.1)
            self.one = nn.GRU(8, 8)
            self.activation_dropout = 0
            self.out_drop, self.drop_path, self.norm = nn.Identity(), nn.Identity(), nn.Identity()
            self.is_dropout = True

    encoder = Encoder()
    Backbone(encoder).set_dropout(0.3)
    assert encoder.attention.dropout == encoder.stack.dropout == encoder.activation_dropout == 0.3
    assert encoder.out_drop.dropout == 0.3 and encoder.one.dropout == 0.0
    assert type(encoder.drop_path) is type(encoder.norm) is nn.Identity
    assert encoder.is_dropout is True
    encoder.train()
    torch.manual_seed(0)
    dropped = encoder.out_drop(torch.ones(10_000))
    assert float((dropped == 0).float().mean()) == pytest.approx(0.3, abs=0.02)
    assert torch.equal(encoder.eval().out_drop(torch.ones(9)), torch.ones(9))


def test_weights_keep_their_names():
    encoder = build_backbone(spec_of("modernbert", dropout=0.3), V, 0).encoder
    later = build_backbone(spec_of("modernbert"), V, 0).encoder
    assert encoder.state_dict().keys() == later.state_dict().keys()


def make(name, arch="modernbert", **options):
    spec = spec_of(arch)
    parsed = parse_options(name, options)
    return OBJECTIVES.get(name)(build_backbone(spec, V, 0), spec, parsed, seed=0)


def in_attention(backbone):
    return {backbone.encoder.layers[1].attn.attention_dropout}


@pytest.mark.parametrize(("options", "ratio"), [({}, 0.0), ({"attention_dropout": True}, 0.2)])
def test_views_of_simcse_drop_in_attention_where_it_says_so(options, ratio):
    simcse = make("simcse", dropout=0.2, **options)
    assert in_attention(simcse.backbone) == {ratio}
    layers = {part.p for part in simcse.backbone.modules() if isinstance(part, nn.Dropout)}
    assert layers == {0.2}
    assert (set(dropout_ratios(simcse.backbone).values()) == {0.2}) == bool(options)
    simcse.backbone.set_dropout(0.0)  # as a reloaded encoder has it
    ids = torch.full((B, L), NUM_SPECIAL)
    ids[:, 0], ids[:, -1] = CLS_ID, SEP_ID
    simcse.eval()(simcse.corrupt(Block(ids), Draws(0, 0, torch.arange(B))))
    assert in_attention(simcse.backbone) == {ratio}


def test_attention_dropout_without_dropout_views_is_refused():
    with pytest.raises(SpecError, match="attention_dropout True has no effect with view 'spans'"):
        parse_options("simcse", {"view": "spans", "attention_dropout": True})


def test_the_dropout_of_a_part_stays_out_of_the_attention_of_the_others():
    simcse = {"objective": "simcse", "attention_dropout": True}
    mixture = make("mixture", parts={"simcse": simcse, "mae": 1.0})
    ids = torch.full((B, L), NUM_SPECIAL)
    ids[:, 0], ids[:, -1] = CLS_ID, SEP_ID
    view = mixture.corrupt(Block(ids), Draws(0, 0, torch.arange(B)))
    ratios = {}
    for index, (label, part) in enumerate(view.parts.items()):
        mixture.loss_of(index, part)
        ratios[label] = in_attention(mixture.backbone)
    assert ratios == {"mae": {0.0}, "simcse": {0.1}}
