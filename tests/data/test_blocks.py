"""Rows: one document each, no token lost, nested sizes, and what a corpus too small says."""

import math
from collections import Counter

import numpy as np
import pytest

from mae_bench.data.blocks import build_blocks, load_blocks
from mae_bench.data.documents import load_documents
from mae_bench.data.tokenizer import CLS, MASK, PAD, SEP, load_tokenizer, train_tokenizer
from mae_bench.errors import DataError, StoreError
from mae_bench.progress import silent
from mae_bench.specs import CorpusSpec, TokenizerSpec

WORDS = "sun moon star rain wind leaf stone river hill cloud bird fish".split()
LENGTHS = [3, 4, 9, 14, 15, 28, 29, 40, 71, 100]


def document(i):
    length = LENGTHS[i % len(LENGTHS)]
    return " ".join(WORDS[(i * 7 + j * (i % 5 + 1)) % len(WORDS)] for j in range(length)) + f" {i}"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    texts = [*map(document, range(150)), "x", "y", "a [MASK] and a [SEP] in a text are text"]
    (folder / "a.txt").write_text("\n\n".join(texts), encoding="utf-8")
    return folder


def spec_of(corpus, **fields):
    fields = {"row_length": 16, "validation_ratio": 0.1, **fields}
    return CorpusSpec(sources=(str(corpus),), tokenizer=TokenizerSpec(vocab_size=400), **fields)


@pytest.fixture(scope="module")
def tokenizer(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("tokenizer")
    train_tokenizer(spec_of(corpus), out, None, silent)
    return out


def built(corpus, tokenizer, out, **fields):
    build_blocks(spec_of(corpus, **fields), tokenizer, out, None, silent)
    return load_blocks(out)


@pytest.fixture(scope="module")
def blocks(corpus, tokenizer, tmp_path_factory):
    return built(corpus, tokenizer, tmp_path_factory.mktemp("blocks"))


def expected_rows(ids, length):
    """Cut one document by hand."""
    body = length - 2
    if len(ids) <= body:
        return [[CLS, *ids, SEP] + [PAD] * (body - len(ids))]
    rows = [[CLS, *ids[i : i + body], SEP] for i in range(0, len(ids) - body, body)]
    return [*rows, [CLS, *ids[-body:], SEP]]


def test_rows_are_those_cut_by_hand(corpus, tokenizer, blocks):
    fast = load_tokenizer(tokenizer)
    fast.backend_tokenizer.encode_special_tokens = True
    rows, dropped = [], 0
    for text in load_documents(spec_of(corpus), None).train():
        ids = fast.backend_tokenizer.encode(text, add_special_tokens=False).ids
        if len(ids) < 4:
            dropped += 1
        else:
            rows += expected_rows(ids, 16)
    assert blocks.rows.tolist() == rows
    assert blocks.num_dropped == dropped
    assert dropped > 0


def test_every_row_has_one_frame(blocks):
    rows = np.asarray(blocks.rows)
    assert (rows[:, 0] == CLS).all()
    assert ((rows == CLS).sum(axis=1) == 1).all()
    assert ((rows == SEP).sum(axis=1) == 1).all()
    assert not (rows == MASK).any()
    assert blocks.has_pads
    is_pad = rows == PAD
    assert (is_pad == np.logical_or.accumulate(is_pad, axis=1)).all()


def test_numbers_in_the_meta_are_those_of_the_rows(blocks):
    text = np.asarray(blocks.rows)[np.asarray(blocks.rows) >= 5].tolist()
    shares = [count / len(text) for count in Counter(text).values()]
    assert blocks.num_tokens == len(text)
    assert blocks.unigram_entropy == pytest.approx(-sum(p * math.log(p) for p in shares))
    assert blocks.rows.dtype == np.uint16
    assert blocks.rows.max() < blocks.vocab_size
    assert blocks.row_length == 16


def test_rows_stay_on_disk(blocks):
    assert isinstance(blocks.rows, np.memmap)


def test_validation_shares_no_row_with_train(blocks):
    train = {tuple(row) for row in blocks.rows.tolist() if PAD in row}
    held_out = {tuple(row) for row in blocks.validation.tolist() if PAD in row}
    assert held_out
    assert not train & held_out


@pytest.mark.parametrize("tokens", [1, 100, 777, 1500])
def test_smaller_corpora_are_prefixes(corpus, tokenizer, blocks, tmp_path, tokens):
    small = built(corpus, tokenizer, tmp_path, tokens=tokens)
    assert np.array_equal(small.rows, blocks.rows[: len(small.rows)])
    assert np.array_equal(small.validation, blocks.validation)
    assert tokens <= small.num_tokens < tokens + 14


def test_building_twice_gives_the_same_bytes(corpus, tokenizer, tmp_path):
    for name in ("one", "two"):
        built(corpus, tokenizer, tmp_path / name)
    for file in ("rows.npy", "validation.npy", "meta.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_too_many_tokens_names_both_numbers(corpus, tokenizer, blocks, tmp_path):
    with pytest.raises(
        DataError, match=rf"holds {blocks.num_tokens} training tokens.*1000000 were"
    ):
        built(corpus, tokenizer, tmp_path, tokens=1_000_000)


def test_a_corpus_below_one_row_is_an_error(tokenizer, tmp_path):
    (tmp_path / "a.txt").write_text("sun moon star rain wind")
    with pytest.raises(DataError, match=r"smaller than one row: it has 5.*row_length 64 holds 62"):
        built(tmp_path / "a.txt", tokenizer, tmp_path / "out", row_length=64)


def test_a_corpus_of_crumbs_is_an_error(tokenizer, tmp_path):
    (tmp_path / "a.txt").write_text("sun\n\nmoon\n\nrain")
    with pytest.raises(DataError, match="none of its 2 documents has at least 4 tokens"):
        built(tmp_path / "a.txt", tokenizer, tmp_path / "out")


def test_one_document_leaves_no_validation(tokenizer, tmp_path):
    (tmp_path / "a.txt").write_text(" ".join(WORDS * 5))
    blocks = built(tmp_path / "a.txt", tokenizer, tmp_path / "out")
    assert blocks.validation.shape == (0, 16)
    assert not blocks.has_pads


def test_damaged_blocks_are_named(corpus, tokenizer, tmp_path):
    built(corpus, tokenizer, tmp_path)
    (tmp_path / "rows.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(StoreError, match=r"the blocks in .* are damaged.*prepare again"):
        load_blocks(tmp_path)


def test_the_world_gives_as_many_tokens_as_asked(tmp_path):
    spec = CorpusSpec(tokens=20_000, tokenizer=TokenizerSpec(vocab_size=512))
    train_tokenizer(spec, tmp_path / "tokenizer", None, silent)
    build_blocks(spec, tmp_path / "tokenizer", tmp_path / "blocks", None, silent)
    blocks = load_blocks(tmp_path / "blocks")
    assert 20_000 <= blocks.num_tokens < 20_062
    assert len(blocks.validation) > 50
