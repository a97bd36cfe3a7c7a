"""What is read of texts that are longer than an encoder reads."""

import dataclasses
import itertools
import random

import numpy as np
import pytest
import torch
from small_cases import FILLERS, save_encoder

from mae_bench.errors import SpecError
from mae_bench.model.backbone import load_backbone
from mae_bench.model.heads import PooledHead
from mae_bench.model.text_pooling import ChunkModel
from mae_bench.specs import FinetuneRecipe, ProbeRecipe
from mae_bench.training.batching import load_tokenizer, tokenize
from mae_bench.training.long_texts import ChunkSet, lay_out, parts_of

CLS, SEP = 2, 3


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


def row(count):
    return np.array([CLS, *range(10, 10 + count), SEP], dtype=np.int32)


def parts(count, **fields):
    recipe = FinetuneRecipe(max_length=10, **fields)
    return [part.tolist() for part in parts_of(row(count), 1, 1, recipe)]


def test_each_way_cuts_where_it_says():
    body = list(range(10, 30))
    assert parts(20, long_text="head") == [[CLS, *body[:8], SEP]]
    assert parts(20, long_text="tail") == [[CLS, *body[-8:], SEP]]
    assert parts(20, long_text="head_tail") == [[CLS, *body[:2], *body[-6:], SEP]]
    assert parts(20, long_text="head_tail", head_ratio=0.5) == [[CLS, *body[:4], *body[-4:], SEP]]
    assert parts(20, long_text="chunks") == [
        [CLS, *body[start : start + 8], SEP] for start in (0, 6, 12)
    ]
    assert parts(20, long_text="chunks", max_chunks=2) == parts(20, long_text="chunks")[:2]


@pytest.mark.parametrize("long_text", ["head", "tail", "head_tail", "chunks"])
def test_a_text_that_fits_is_read_as_it_is(long_text):
    assert parts(8, long_text=long_text) == [row(8).tolist()]


def test_chunks_cover_every_token_once_but_for_their_overlap():
    for count in range(9, 60):
        for overlap in (0.0, 0.25, 0.5):
            fields = {"long_text": "chunks", "chunk_overlap_ratio": overlap, "max_chunks": 99}
            chunks = parts(count, **fields)
            step = 8 - round(8 * overlap)
            merged = chunks[0][1:-1]
            for before, chunk in itertools.pairwise(chunks):
                assert len(before) == 10
                merged += chunk[1:-1][8 - step :]
                assert len(chunk[1:-1]) > 8 - step, "a chunk that says nothing new"
            assert merged == list(range(10, 10 + count))


def test_room_must_be_left_for_text(encoder):
    with pytest.raises(SpecError, match="leaves no room for text beside 2 special tokens"):
        lay_out(
            load_tokenizer(encoder), ["red the"], FinetuneRecipe(max_length=2, long_text="tail"),
            vocab_size=99, device="cpu",
        )  # fmt: skip


def texts(count=7):
    rng = random.Random(0)
    return [" ".join(rng.choices(FILLERS, k=3 * number + 1)) for number in range(count)]


@pytest.mark.parametrize("recipe", [FinetuneRecipe, ProbeRecipe])
def test_head_is_the_cut_of_the_tokenizer(encoder, recipe):
    tokenizer, size = load_tokenizer(encoder), {"vocab_size": 99, "device": "cpu"}
    plain = tokenize(tokenizer, (texts(),), max_length=8, **size)
    cut = lay_out(tokenizer, texts(), recipe(max_length=8), **size)
    assert torch.equal(plain.ids, cut.ids)
    assert np.array_equal(plain.lengths, cut.lengths)


@pytest.mark.parametrize("chunk_pooling", ["mean", "attention"])
def test_a_text_is_the_mean_of_its_chunks_each_read_alone(encoder, chunk_pooling):
    recipe = FinetuneRecipe(max_length=8, long_text="chunks")
    tokenizer, backbone = load_tokenizer(encoder), load_backbone(encoder).eval()
    size = {"vocab_size": backbone.vocab_size, "device": "cpu"}
    chunked = lay_out(tokenizer, texts(), recipe, **size)
    assert isinstance(chunked, ChunkSet)
    head = PooledHead(backbone.width, 3, dropout=0.0, task="t", seed=0)
    model = ChunkModel(backbone, head, chunk_pooling, task="t", seed=0).eval()
    index = np.array([6, 0, 3])
    ids, is_pad, _ = chunked.batch(index)
    rows = [tokenizer(text)["input_ids"] for text in np.array(texts())[index]]
    with torch.inference_mode():
        got = model(ids, is_pad)
        for output, whole in zip(got, rows, strict=True):
            cut = parts_of(np.array(whole), 1, 1, recipe)
            vectors = torch.stack([backbone(torch.tensor(c)[None])[0].mean(0) for c in cut])
            shares = torch.full((len(cut), 1), 1 / len(cut))
            if chunk_pooling == "attention":
                shares = model.chunk_pooling.score(vectors).softmax(dim=0)
            expected = head.linear((vectors * shares).sum(0))
            torch.testing.assert_close(output, expected, atol=1e-5, rtol=1e-4)
    chunks = sum(len(parts_of(np.array(whole), 1, 1, recipe)) for whole in rows)
    assert chunked.read_shape(index, ids.shape) == (chunks, ids.shape[-1])


def test_the_options_of_a_probe_and_of_a_fine_tune_are_the_same():
    names = ("long_text", "head_ratio", "chunk_overlap_ratio", "max_chunks")
    for name in names:
        first, second = (r.model_fields[name] for r in (FinetuneRecipe, ProbeRecipe))
        assert (first.annotation, first.default) == (second.annotation, second.default)
    assert dataclasses.is_dataclass(ChunkSet)
