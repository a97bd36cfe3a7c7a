"""Shared vectors and layers of encoders of many families."""

import numpy as np
import pytest
import torch
from family_encoders import FAMILIES, save_family

from mae_bench.errors import SpecError
from mae_bench.model.backbone import load_backbone
from mae_bench.model.heads import pool
from mae_bench.model.layers import read_layers
from mae_bench.protocols import text_vectors
from mae_bench.protocols.text_vectors import VectorSource
from mae_bench.specs import KnnRecipe, ProbeRecipe
from mae_bench.training.batching import load_tokenizer, tokenize
from mae_bench.training.token_roles import own_poolings

TEXTS = ["a house", "the second text is longer than the others, and it goes on", "one", "two men"]
NO_LAYERS = ("albert", "gpt2", "t5")  # their names show none, or lists within lists


@pytest.fixture(scope="module", params=FAMILIES)
def encoder(request, tmp_path_factory):
    return request.param, save_family(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(autouse=True)
def nothing_held():
    text_vectors._held.clear()


def vectors(folder, texts, recipe=ProbeRecipe):
    return VectorSource(folder, recipe(max_length=40, precision="fp32"), "cpu").vectors(texts)[0]


def test_a_text_has_the_same_bits_beside_others_and_those_of_plain_reading(encoder):
    _, folder = encoder
    together = vectors(folder, TEXTS)
    text_vectors._held.clear()
    alone = np.concatenate([vectors(folder, [text]) for text in TEXTS])
    assert np.array_equal(alone, together)
    backbone, tokenizer = load_backbone(folder).eval(), load_tokenizer(folder)
    for number, text in enumerate(TEXTS):
        rows = tokenize(
            tokenizer, [[text]], max_length=40, vocab_size=backbone.vocab_size, device="cpu"
        )
        with torch.inference_mode():
            hidden = backbone(rows.ids, None, None)
        for place, pooling in enumerate(own_poolings(("mean", "cls"), tokenizer)):
            plain = pool(hidden, None, pooling)[0].numpy()
            np.testing.assert_allclose(together[number, place], plain, atol=1e-5, rtol=1e-4)


def test_protocols_share_the_vectors_of_one_recipe(encoder, monkeypatch):
    _, folder = encoder
    first = vectors(folder, TEXTS)
    monkeypatch.setattr(text_vectors, "frozen_encoder", None)  # would raise if it were called
    assert np.array_equal(vectors(folder, TEXTS, KnnRecipe), first)


def test_what_is_held_on_a_gpu_holds_nothing_else(tmp_path, monkeypatch):
    folder = save_family("bert", tmp_path)
    monkeypatch.setattr(VectorSource, "_is_on_gpu", True)
    on_gpu = vectors(folder, TEXTS)
    held = [own for own, *_ in text_vectors._held.values()]
    assert len(held) == len(TEXTS)
    assert all(own.untyped_storage().nbytes() == own.nbytes for own in held)
    text_vectors._held.clear()
    monkeypatch.undo()
    assert np.array_equal(vectors(folder, TEXTS), on_gpu.numpy())


def test_layers_are_those_of_the_config_or_refused(encoder):
    family, folder = encoder
    module = load_backbone(folder).encoder
    if family in NO_LAYERS:
        with pytest.raises(SpecError, match="cannot be told"):
            read_layers(module)
    else:
        layers = read_layers(module)
        assert layers.count == module.config.num_hidden_layers
        assert {*layers.of.values()} >= {-1, 0, layers.count - 1}
