"""Vectors of texts that cells of one process share."""

import random

import numpy as np
import pytest
from small_cases import FILLERS, SIGNS, save_encoder

from mae_bench.backbones import BACKBONES
from mae_bench.model.backbone import build_backbone, load_backbone
from mae_bench.protocols import text_vectors
from mae_bench.protocols.text_vectors import VectorSource
from mae_bench.specs import BackboneSpec, ProbeRecipe


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(autouse=True)
def nothing_held():
    text_vectors._held.clear()


def texts(count, seed=0):
    rng = random.Random(seed)
    return list(dict.fromkeys(
        " ".join(rng.choices(FILLERS + SIGNS, k=rng.randint(1, 20))) for _ in range(count)
    ))  # fmt: skip


def source(encoder, **fields):
    recipe = ProbeRecipe(**{"max_length": 32, "precision": "fp32"} | fields)
    return VectorSource(encoder, recipe, "cpu")


def test_a_text_has_the_same_bits_beside_other_texts(encoder):
    every = texts(40)
    together = dict(zip(every, source(encoder).vectors(every)[0], strict=True))
    for seed in range(3):
        text_vectors._held.clear()
        some = random.Random(seed).sample(every, 9)
        alone = source(encoder).vectors(some)[0]
        assert all(np.array_equal(alone[i], together[text]) for i, text in enumerate(some))


def test_what_is_held_is_not_encoded_again_and_costs_the_same(encoder, monkeypatch):
    every = texts(30)
    first, batches = source(encoder).vectors(every)
    monkeypatch.setattr(text_vectors, "frozen_encoder", None)  # would raise if it were called
    second, again = source(encoder).vectors(every)
    assert np.array_equal(first, second)
    assert batches == again
    _, half = source(encoder).vectors(every[:15])
    assert 0 < len(half) <= len(batches)


@pytest.mark.parametrize("change", [{"max_length": 6}, {"poolings": ("cls",)}, {"batch_size": 3},
                                    {"precision": "bf16"}, {"long_text": "tail"}])  # fmt: skip
def test_another_recipe_or_encoder_shares_nothing(encoder, tmp_path, change):
    every = texts(10)
    source(encoder).vectors(every)
    held = len(text_vectors._held)
    source(encoder, **change).vectors(every)
    assert len(text_vectors._held) == 2 * held
    source(save_encoder(tmp_path, seed=1), **change).vectors(every)
    assert len(text_vectors._held) == 3 * held


def test_a_checkpoint_that_is_written_anew_is_read_anew(tmp_path):
    every = texts(5)
    old = source(save_encoder(tmp_path)).vectors(every)[0]
    new = source(save_encoder(tmp_path, seed=1)).vectors(every)[0]
    assert not np.array_equal(old, new)


def test_recurrences_read_one_text_at_a_time(encoder, tmp_path):
    sizes = {"num_layers": 1, "hidden_size": 16, "num_heads": 2, "max_length": 32}
    for name, arch in BACKBONES:
        backbone = build_backbone(BackboneSpec(arch=name, **sizes), 30, 0)
        folder = tmp_path / name
        save_encoder(folder)
        backbone.encoder.save_pretrained(folder)
        assert source(folder).num_rows == (64 if arch.has_attention else 1)


def test_chunks_become_their_mean(encoder):
    long = " ".join(FILLERS * 3)
    fields = {"max_length": 12, "chunk_overlap_ratio": 0.0, "long_text": "chunks"}
    whole, batches = source(encoder, **fields).vectors([long])
    pieces = [" ".join((FILLERS * 3)[start : start + 10]) for start in (0, 10, 20)]
    each, _ = source(encoder, **fields).vectors(list(dict.fromkeys(pieces)))
    np.testing.assert_allclose(whole[0], each.mean(axis=0), atol=1e-6)
    assert batches == [(64, 12)]


def test_batches_have_a_fixed_shape(encoder, monkeypatch):
    shapes = []

    def watched(folder, device):
        backbone = load_backbone(folder).to(device).eval()
        backbone.register_forward_pre_hook(lambda _, args: shapes.append(tuple(args[0].shape)))
        return backbone

    monkeypatch.setattr(text_vectors, "frozen_encoder", watched)
    _, batches = source(encoder, batch_size=7).vectors(texts(30))
    assert sorted(shapes) == sorted(batches)
    assert {rows for rows, _ in shapes} == {7}
    assert {length % 8 for _, length in shapes} == {0}
