"""Tokenising once, and the order of batches."""

import types

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from small_cases import SPECIAL, WORDS, save_encoder

from mae_bench.errors import DataError, SpecError
from mae_bench.training.batching import (
    check_length,
    epoch_batches,
    load_tokenizer,
    reading_batches,
    tokenize,
    training_batches,
)

VOCABULARY = SPECIAL + WORDS
NUM_WORDS = len(VOCABULARY)
LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=120).map(np.array)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return load_tokenizer(save_encoder(tmp_path_factory.mktemp("encoder")))


def read(tokenizer, *columns, max_length=16, vocab_size=NUM_WORDS):
    return tokenize(tokenizer, columns, max_length=max_length, vocab_size=vocab_size, device="cpu")


def words(tokens, row):
    return " ".join(VOCABULARY[i] for i in tokens.ids[row, : tokens.lengths[row]])


def test_texts_are_padded_at_the_right(tokenizer):
    tokens = read(tokenizer, ["the red house", "blue"])
    assert words(tokens, 0) == "[CLS] the red house [SEP]"
    assert words(tokens, 1) == "[CLS] blue [SEP]"
    assert tokens.lengths.tolist() == tokens.device_lengths.tolist() == [5, 3]
    assert tokens.ids[1].tolist()[3:] == [0, 0]


def test_a_pair_is_one_sequence(tokenizer):
    tokens = read(tokenizer, ["the red"], ["blue house"])
    assert words(tokens, 0) == "[CLS] the red [SEP] blue house [SEP]"


def test_a_long_pair_loses_tokens_from_the_longer_text(tokenizer):
    short, long = "the red", "blue house of the stone"
    tokens = read(tokenizer, [short, long], [long, short], max_length=7)
    assert words(tokens, 0) == "[CLS] the red [SEP] blue house [SEP]"
    assert words(tokens, 1) == "[CLS] blue house [SEP] the red [SEP]"


def test_a_batch_is_cut_to_its_longest_text(tokenizer):
    tokens = read(tokenizer, ["red", "the red house of stone", "blue"])
    ids, is_pad, index = tokens.batch(np.array([2, 0]))
    assert ids.shape == (2, 3)
    assert is_pad is None, "nothing is padded here"
    assert index.tolist() == [2, 0]
    ids, is_pad, _ = tokens.batch(np.array([0, 1]))
    assert ids.shape == is_pad.shape == (2, 7)
    assert is_pad.sum(dim=1).tolist() == [4, 0]
    assert torch.equal(ids == 0, is_pad)


def test_a_text_without_words_is_still_read(tokenizer):
    tokens = read(tokenizer, ["", "red"])
    assert words(tokens, 0) == "[CLS] [SEP]"


def test_an_empty_split_is_refused(tokenizer):
    with pytest.raises(DataError, match="empty"):
        read(tokenizer, [])


def test_a_tokenizer_of_another_encoder_is_refused(tokenizer):
    with pytest.raises(DataError, match="vocabulary of 7"):
        read(tokenizer, ["the red house"], vocab_size=7)


def test_a_folder_without_tokenizer_is_refused(tmp_path):
    with pytest.raises(SpecError, match="tokenizer"):
        load_tokenizer(tmp_path)


def test_a_library_that_a_tokenizer_lacks_is_named(tmp_path, monkeypatch):
    def load(*_, **__):
        raise ImportError("\n it requires the protobuf library\n and more")

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", load)
    with pytest.raises(SpecError, match=r"that transformers can load: it requires the protobuf l"):
        load_tokenizer(tmp_path)


def test_too_long_a_length_names_both_numbers():
    config = types.SimpleNamespace(max_position_embeddings=64)
    check_length(64, config)
    check_length(999, types.SimpleNamespace())
    with pytest.raises(SpecError, match=r"max_length 65 .* 64 positions"):
        check_length(65, config)


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 9), st.integers(1, 5))
def test_an_epoch_reads_each_text_once(lengths, batch_size, bucket_batches):
    batches = epoch_batches(lengths, batch_size, bucket_batches, np.random.default_rng(0))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert len(batches) == -(-len(lengths) // batch_size)
    assert max(len(batch) for batch in batches) <= batch_size


@settings(deadline=None)
@given(LENGTHS, st.integers(1, 9))
def test_reading_covers_each_text_once_longest_first(lengths, batch_size):
    order = np.concatenate(reading_batches(lengths, batch_size))
    assert sorted(order.tolist()) == list(range(len(lengths)))
    assert np.all(np.diff(lengths[order]) <= 0)


def padded_tokens(lengths, batches):
    return sum(len(batch) * int(lengths[batch].max()) for batch in batches)


def test_buckets_waste_less_padding():
    lengths = np.random.default_rng(1).integers(3, 60, size=600)
    loose, tight = (
        epoch_batches(lengths, 32, groups, np.random.default_rng(0)) for groups in (1, 4)
    )
    assert padded_tokens(lengths, tight) < 0.8 * padded_tokens(lengths, loose)


def test_length_does_not_follow_time():
    lengths = np.arange(1, 257)
    batches = epoch_batches(lengths, 16, 16, np.random.default_rng(0))
    means = [float(lengths[batch].mean()) for batch in batches]
    assert abs(np.corrcoef(means, range(len(means)))[0, 1]) < 0.7


def order(steps=12, **changes):
    lengths = np.random.default_rng(0).integers(3, 20, size=50)
    axes = {"task": "t", "seed": 0} | changes
    return [
        batch.tolist()
        for batch in training_batches(lengths, batch_size=16, bucket_batches=4, steps=steps, **axes)
    ]


def test_training_takes_exactly_its_steps():
    assert [len(order(steps=steps)) for steps in (1, 4, 5, 12)] == [1, 4, 5, 12]
    assert order(steps=12)[:5] == order(steps=5), "more steps must not move the earlier ones"


def test_the_order_moves_with_epoch_seed_and_task_only():
    batches = order()
    assert batches == order()
    assert batches[:4] != batches[4:8]
    assert batches != order(seed=1)
    assert batches != order(task="other")
