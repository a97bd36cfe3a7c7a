"""Encoders of every family are read alike: own frame and positions, harmless padding."""

import inspect

import numpy as np
import pytest
import torch
from family_encoders import FAMILIES, save_family
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from mae_bench.backbones import content_of, num_positions
from mae_bench.model.backbone import load_backbone
from mae_bench.model.heads import pool
from mae_bench.training.batching import load_tokenizer, reading_batches, tokenize
from mae_bench.training.measured_cost import measure_cost
from mae_bench.training.operations import OperationCount
from mae_bench.training.token_roles import own_poolings, pair_separator

TEXTS = ["a house", "the second text is longer than the others, and it goes on", "one", "two men"]
OFFSET = ("roberta", "xlm-roberta", "mpnet")
DECODERS = ("gpt2", "llama", "qwen2")
NO_LIMIT = ("llama", "qwen2", "modernbert", "deberta-v2", "t5")  # positions that are only relative
UNCOUNTED = ("deberta", "deberta-v2")  # they ask for values that the meta device has not


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    kept = {}

    def encoder(family):
        if family not in kept:
            folder = save_family(family, tmp_path_factory.mktemp(family))
            kept[family] = load_backbone(folder).eval(), load_tokenizer(folder)
        return kept[family]

    return encoder


def rows_of(backbone, tokenizer, texts=TEXTS):
    return tokenize(tokenizer, [texts], max_length=40, vocab_size=backbone.vocab_size, device="cpu")


@torch.inference_mode()
def vectors(backbone, rows, index):
    ids, is_pad, _ = rows.batch(np.asarray(index))
    return backbone(ids, None, is_pad), is_pad


@pytest.mark.parametrize("family", FAMILIES)
def test_neither_padding_nor_the_order_of_a_batch_changes_a_vector(encoders, family):
    backbone, tokenizer = encoders(family)
    rows = rows_of(backbone, tokenizer)
    poolings = own_poolings(("mean", "cls"), tokenizer)
    together, is_pad = vectors(backbone, rows, [1, 3, 0, 2])
    assert together.shape[2] == backbone.width and is_pad.any()
    for number, row in enumerate([1, 3, 0, 2]):
        alone, nothing = vectors(backbone, rows, [row])
        assert nothing is None
        length = alone.shape[1]
        torch.testing.assert_close(together[number, :length], alone[0], atol=1e-5, rtol=1e-4)
        for pooling in poolings:
            made = pool(together, is_pad, pooling)[number]
            torch.testing.assert_close(made, pool(alone, None, pooling)[0], atol=1e-5, rtol=1e-4)
    for index in reading_batches(rows.lengths, 2):
        made, _ = vectors(backbone, rows, index)
        other, _ = vectors(backbone, rows, index[::-1].copy())
        torch.testing.assert_close(made, other.flip(0), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pair_is_framed_as_the_tokenizer_frames_it(encoders, family):
    backbone, tokenizer = encoders(family)
    rows = tokenize(
        tokenizer, [["a house"], ["two men"]], max_length=40, vocab_size=10**6, device="cpu"
    )
    whole = tokenizer("a house", "two men")
    assert rows.ids[0].tolist() == whole["input_ids"]
    separator = pair_separator(tokenizer)
    types = tokenizer("a house", "two men", return_token_type_ids=True)["token_type_ids"]
    assert (separator is not None) == (1 in types)
    if backbone.has_segments:
        assert separator == tokenizer.sep_token_id


@pytest.mark.parametrize("family", FAMILIES)
def test_it_reads_as_many_tokens_as_it_has_positions(encoders, family):
    backbone, _ = encoders(family)
    limit = num_positions(content_of(backbone.config))
    assert limit == (62 if family in OFFSET else 64)
    with torch.inference_mode():
        backbone(torch.full((1, limit), 5))
        if family not in NO_LIMIT:
            with pytest.raises((IndexError, RuntimeError)):
                backbone(torch.full((1, limit + 1), 5))


@pytest.mark.parametrize("family", FAMILIES)
def test_cls_means_the_token_that_has_read_the_text(encoders, family):
    backbone, tokenizer = encoders(family)
    (pooling,) = own_poolings(["cls"], tokenizer)
    assert pooling == ("last" if family in (*DECODERS, "t5") else "cls")
    ids = torch.tensor([[5, 6, 7, 8], [5, 6, 7, 9]])
    with torch.inference_mode():
        hidden = backbone(ids)
    is_blind = torch.allclose(*hidden[:, 0], atol=1e-6)
    assert is_blind == (family in DECODERS), "a decoder's first token has read nothing"


def test_poolings_that_mean_the_same_are_tried_once(encoders):
    _, tokenizer = encoders("gpt2")
    assert own_poolings(("mean", "cls", "last"), tokenizer) == ("mean", "last")


@pytest.mark.parametrize("family", FAMILIES)
def test_operations_are_counted_or_unknown_and_never_made_up(encoders, family):
    backbone, _ = encoders(family)
    count = OperationCount(backbone.config)
    count.add_reading((3, 20))
    if family in UNCOUNTED:
        assert count.total is None
        return
    layers, width, inner = 2, 32, 64
    expected = {
        "llama": 2 * (2 * width * (2 * width + width) + 6 * width * inner),  # one head of values
        "gpt2": 2 * (8 * width**2 + 16 * width**2),
        "roberta": layers * (8 * width**2 + 4 * width * inner),
        "bert": layers * (8 * width**2 + 4 * width * inner),
    }
    if family in expected:
        beside = 2 * width**2 if family == "roberta" else 0  # its pooler
        if family == "llama" and " @ " in inspect.getsource(LlamaRotaryEmbedding.forward):
            beside = 2 * 20 * 8  # older ones make angles by a product of positions and frequencies
        attention = layers * 4 * 20 * width
        assert count.total == 3 * (20 * (expected[family] + attention) + beside)
    assert count.total > 3 * 20 * layers * 4 * width**2


def test_a_registered_architecture_costs_by_its_formula_what_torch_counts(encoders):
    backbone, _ = encoders("bert")
    count = OperationCount(backbone.config)
    count.add_reading((2, 30))
    pooler = 2 * 2 * 32**2  # which no protocol reads
    assert measure_cost(backbone.config).forward(2, 30) == pytest.approx(count.total + pooler)


def test_padding_that_the_tokenizer_has_no_token_for_is_hidden(encoders):
    backbone, tokenizer = encoders("gpt2")
    assert tokenizer.pad_token_id is None
    rows = rows_of(backbone, tokenizer)
    before, is_pad = vectors(backbone, rows, [1, 0])
    rows.ids[rows.ids == 0] = 7
    after, _ = vectors(backbone, rows, [1, 0])
    assert torch.equal(before[~is_pad], after[~is_pad])
