"""What is set apart for validation of few documents, of very unlike ones, and of usual corpora."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mae_bench.data.documents import load_documents
from mae_bench.data.split import MIN_VALIDATION, NEAR, split
from mae_bench.specs import CorpusSpec

WORDS = "river stone green market quiet lamp window paper summer winter".split()


def prose(num_words, seed=0):
    rng = random.Random(seed)
    return " ".join(rng.choice(WORDS) for _ in range(num_words))


def parts(tmp_path, text, **fields):
    (tmp_path / "a.txt").write_text(text)
    documents = load_documents(CorpusSpec(sources=(str(tmp_path / "a.txt"),), **fields), None)
    return list(documents.train()), documents.validation, documents.warnings


def test_of_one_document_the_end_is_set_apart_with_a_warning(tmp_path):
    text = "\n".join(prose(12, seed) for seed in range(1500))
    train, validation, (warning,) = parts(tmp_path, text)
    assert (train[0] + "\n" + validation[0]).split() == text.split()
    assert 0.01 < len(validation[0]) / len(text) <= 0.02
    assert "is one document" in warning and "blank lines" in warning


@pytest.mark.parametrize("seed", range(4))
def test_of_two_unlike_documents_the_share_set_apart_is_near_the_ratio(tmp_path, seed):
    train, validation, (warning,) = parts(
        tmp_path, f"{prose(30, seed)}\n\n{prose(20_000, seed + 9)}", validation_ratio=0.02
    )
    apart = sum(map(len, validation))
    assert 0.005 < apart / (apart + sum(map(len, train))) < 0.08
    assert "is 2 documents" in warning


def test_many_documents_give_no_warning(tmp_path):
    _, validation, warnings = parts(tmp_path, "\n\n".join(prose(20, i) for i in range(500)))
    assert validation and warnings == ()


def hashed(lengths, seed):
    rng = random.Random(seed)
    return [(rng.getrandbits(64), prose(n // 6 + 1, i)) for i, n in enumerate(lengths)]


def parted(documents, ratio):
    hashes = np.array([value for value, _ in documents], dtype=np.uint64)
    parts = split(hashes, np.array([len(text) for _, text in documents]), ratio)
    return list(parts.train(documents)), list(parts.held_out(documents))


@given(st.lists(st.integers(1, 4_000), min_size=2, max_size=12), st.integers(0, 99))
def test_no_text_is_lost_doubled_or_all_set_apart(lengths, seed):
    documents = hashed(lengths, seed)
    train, validation = parted(documents, 0.02)
    words = [word for _, text in documents for word in text.split()]
    assert sorted(w for text in train + validation for w in text.split()) == sorted(words)
    assert validation
    total = sum(len(text) for _, text in documents)
    most = max(NEAR * MIN_VALIDATION, NEAR * 0.02 * total)
    is_chosen_by_hash = [value < int(0.02 * 2**64) for value, _ in documents]
    if not any(is_chosen_by_hash):
        assert train and sum(map(len, validation)) <= 2 * most


def test_where_documents_are_many_and_alike_the_hash_alone_decides():
    documents = hashed([300] * 2_000, 1)
    limit = int(0.02 * 2**64)
    train, validation = parted(documents, 0.02)
    assert validation == [text for value, text in documents if value < limit]
    assert train == [text for value, text in documents if value >= limit]
