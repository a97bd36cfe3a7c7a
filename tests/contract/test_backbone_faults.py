"""Each check of the contract of backbones notices the fault that it is there for."""

import dataclasses

import pytest
import torch

from mae_bench.backbones import BACKBONES
from mae_bench.backbones.bert import Bert
from mae_bench.contract.backbone import CHECKS, BackboneCase, run_checks
from mae_bench.contract.outcome import outcomes


class Sound(Bert):
    """BERT under another name, which each fault below breaks in one place."""

    def is_config(self, config):
        return config.get("is_faulty", False)

    def config(self, sizes, **given):
        config = super().config(sizes, **given)
        config.is_faulty = True
        return config


class Silent(Sound):
    source = ""


class Swapped(Sound):
    def read_sizes(self, config):
        sizes = super().read_sizes(config)
        return dataclasses.replace(sizes, heads=sizes.layers + 1)


class Misnamed(Sound):
    layer_name = r"blocks"


class Apart(Sound):
    """A norm for each layer stands in a list that layer_name does not match."""

    def build(self, config):
        model = super().build(config)
        model.norms = torch.nn.ModuleList(
            torch.nn.LayerNorm(config.hidden_size) for _ in range(config.num_hidden_layers)
        )
        return model


class Cheap(Sound):
    mlp_matrices = 1


class Undropped(Sound):
    """BERT's attention keeps its own dropout."""

    dropout_names = ("hidden_dropout_prob",)


class Changed(Sound):
    """Its model is given other arguments than the backbone meant."""

    def build(self, config):
        model = super().build(config)
        forward = model.forward

        def changed(**given):
            return forward(**self.change(given))

        model.forward = changed
        return model


class Unpadded(Changed):
    def change(self, given):
        return given | {"attention_mask": None}


class Unplaced(Changed):
    def change(self, given):
        return given | {"position_ids": None}


class Seeing(Changed):
    """Padding is hidden, and what else must not be seen is not."""

    def change(self, given):
        mask = given.get("attention_mask")
        return given | {"attention_mask": None if mask is None or mask.dim() == 4 else mask}


class Denying(Sound):
    has_attention = False

    def config(self, sizes, **given):
        return super().config(dataclasses.replace(sizes, heads=2), **given)


class Deaf(Changed):
    """Vectors in place of tokens are halved."""

    def change(self, given):
        vectors = given.get("inputs_embeds")
        return given if vectors is None else given | {"inputs_embeds": vectors / 2}


class Elsewhere(Sound):
    projections = ("query", "key")


class Random(Sound):
    def build(self, config):
        model = super().build(config)
        with torch.no_grad():
            noise = torch.Generator()
            noise.seed()
            model.embeddings.word_embeddings.weight.normal_(std=0.02, generator=noise)
        return model


FAULTS = [
    (Silent, "declaration"),
    (Swapped, "sizes"),
    (Misnamed, "layers"),
    (Apart, "layers"),
    (Cheap, "flops"),
    (Undropped, "dropout"),
    (Unpadded, "padding"),
    (Unplaced, "gaps"),
    (Seeing, "attention"),
    (Denying, "attention"),
    (Deaf, "vectors"),
    (Elsewhere, "projections"),
    (Random, "weights"),
]


@pytest.fixture
def case(monkeypatch, tmp_path):
    def register(kind):
        monkeypatch.setattr(BACKBONES, "_parts", {"faulty": kind()} | BACKBONES._parts)
        monkeypatch.setattr(BACKBONES, "_modules", {"faulty": __name__} | BACKBONES._modules)
        return BackboneCase("faulty", tmp_path)

    BACKBONES.names()
    # found before BERT, whose model it has
    monkeypatch.setattr(
        type(BACKBONES), "names", lambda self: sorted(self._parts, key=lambda n: (n != "faulty", n))
    )
    return register


def test_sound_it_keeps_all(case):
    assert [wrong for _, wrong in run_checks(case(Sound)) if wrong] == []


@pytest.mark.parametrize(("kind", "check"), FAULTS, ids=[kind.__name__ for kind, _ in FAULTS])
def test_a_fault_is_noticed(case, kind, check):
    ((_, wrong),) = outcomes({check: CHECKS[check]}, case(kind))
    assert wrong


def test_every_check_has_a_fault():
    assert {check for _, check in FAULTS} == set(CHECKS)
