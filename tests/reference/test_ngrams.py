"""Collocations against a plain Python count, and the lexicon that holds them."""

import itertools
import json
import math
from collections import Counter

import numpy as np
import pytest
import torch
from small_blocks import V, write_tokenizer
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from mae_bench.data.tokenizer import SPECIAL
from mae_bench.masking import CLS_ID, PAD_ID, SEP_ID, build_lexicon
from mae_bench.masking.ngrams import SHARES, count_ngrams, hash_windows
from mae_bench.progress import silent

HAN = "".join(chr(number) for number in (0xE4, 0xB8, 0x143))  # as byte-level BPE writes U+4E2D


def corpus(rows=400, length=24, seed=0):
    """Rows of frequent tokens, with phrases put in, some of them across a [SEP]."""
    rng = np.random.default_rng(seed)
    ids = np.minimum(rng.zipf(1.5, (rows, length)) + 9, 40)
    ids[:, 0] = CLS_ID
    for phrase, count in (
        ((41, 42), 60), ((43, 44, 45), 40), ((46, 47, 48, 49), 30), ((50, 51, 52, 53, 54), 25),
        ((41, 55), 11), ((56, 57), 10), ((58, 10, 59), 20),
    ):  # fmt: skip
        for _ in range(count):
            row, start = rng.integers(rows), rng.integers(1, length - len(phrase))
            ids[row, start : start + len(phrase)] = phrase
    for row in range(40):  # frequent, but never inside a text
        ids[row, 20:23] = 12, SEP_ID, 13
    ids[100:130, 18:] = PAD_ID
    return ids.astype(np.uint16)


def plain_pmi(rows):
    """Return {n-gram: PMI} of those that occur more than 10 times, by size."""
    counts = {size: Counter() for size in range(1, 6)}
    for row in rows.tolist():
        for size, start in itertools.product(range(1, 6), range(len(row))):
            gram = tuple(row[start : start + size])
            if len(gram) == size and min(gram) >= len(SPECIAL):
                counts[size][gram] += 1

    def log_p(gram):
        table = counts[len(gram)]
        return math.log(table[gram] / table.total())

    pmi_by_size = {}
    for size in range(2, 6):
        pmi_by_size[size] = {}
        for gram, count in counts[size].items():
            if count <= 10:
                continue
            parts = []
            for cuts in itertools.product([False, True], repeat=size - 1):
                if any(cuts):
                    edges = [0, *(i + 1 for i, is_cut in enumerate(cuts) if is_cut), size]
                    parts.append(sum(log_p(gram[a:b]) for a, b in itertools.pairwise(edges)))
            pmi_by_size[size][gram] = log_p(gram) - max(parts)
    return pmi_by_size


def hash_of(gram):
    return int(hash_windows(np.array([gram]), len(gram))[0, 0])


@pytest.mark.parametrize("seed", [0, 1])
def test_collocations_are_those_of_plain_python(tmp_path, seed):
    rows = corpus(seed=seed)
    count_ngrams(rows, tmp_path, silent)
    hashes = np.load(tmp_path / "hashes.npy")
    meta = json.loads((tmp_path / "meta.json").read_text())
    assert hashes.dtype == np.int64 and (np.diff(hashes) > 0).all()
    vocabulary = len({i for i in rows.ravel().tolist() if i >= len(SPECIAL)})
    assert meta["vocabulary"] == vocabulary and meta["limit"] == 4 * vocabulary
    kept, total = set(hashes.tolist()), 0
    for size, pmi_of in plain_pmi(rows).items():
        facts = meta["sizes"][str(size)]
        assert facts["frequent"] == len(pmi_of)
        worth = sorted((pmi for pmi in pmi_of.values() if pmi > 0), reverse=True)
        wanted = min(len(worth), int(SHARES[size] * 4 * vocabulary))
        total += wanted
        assert facts["kept"] == wanted == sum(hash_of(gram) in kept for gram in pmi_of)
        if wanted:
            assert facts["least_pmi"] == pytest.approx(worth[wanted - 1])
        for gram, pmi in pmi_of.items():
            if wanted and pmi > worth[wanted - 1] + 1e-9:
                assert hash_of(gram) in kept, gram
            elif not wanted or pmi < worth[wanted - 1] - 1e-9:
                assert hash_of(gram) not in kept, gram
    assert len(kept) == total
    for phrase in ((41, 42), (43, 44, 45), (46, 47, 48, 49), (50, 51, 52, 53, 54)):
        assert hash_of(phrase) in kept
    for absent in ((12, 13), (12, SEP_ID), (12, SEP_ID, 13), (56, 57)):
        assert hash_of(absent) not in kept


def test_a_corpus_without_collocations_has_none(tmp_path):
    for name, rows in {
        "few": np.arange(5, 29).reshape(2, 12),
        "special": np.full((20, 12), PAD_ID),
        "one token": np.full((20, 12), 7),  # its n-grams occur as often as chance says
        "short rows": np.full((30, 3), 7),
    }.items():
        count_ngrams(rows, tmp_path / name, silent)
        assert len(np.load(tmp_path / name / "hashes.npy")) == 0, name


def test_hashes_are_those_of_python_integers_in_numpy_and_torch():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 65_536, (3, 9))
    for size in range(1, 6):
        wanted = [
            [plain_hash(row[start : start + size]) for start in range(9 - size + 1)]
            for row in ids.tolist()
        ]
        assert hash_windows(ids, size).tolist() == wanted
        assert hash_windows(torch.from_numpy(ids), size).tolist() == wanted


def plain_hash(gram):
    halves = []
    for base, modulus in ((1_000_003, 2**31 - 1), (998_244_353, 2**31 - 19)):
        powers = range(len(gram) - 1, -1, -1)
        value = sum((i + 1) * base**power for i, power in zip(gram, powers, strict=True))
        halves.append(value % modulus)
    return halves[0] * 2**31 + halves[1]


def test_hashes_do_not_collide_among_many():
    rng = np.random.default_rng(1)
    for size in range(2, 6):
        ids = np.unique(rng.integers(5, 4_000, (200_000, size)), axis=0)
        assert len(np.unique(hash_windows(ids, size))) == len(ids)


def test_the_lexicon_knows_counts_words_and_collocations(tmp_path):
    write_tokenizer(tmp_path)
    rows = corpus()
    count_ngrams(rows, tmp_path / "ngrams", silent)
    lexicon = build_lexicon(rows, V, tmp_path, tmp_path / "ngrams")
    counted = Counter(rows.ravel().tolist())
    assert lexicon.counts.tolist() == [counted[token] for token in range(V)]
    starts = [token < len(SPECIAL) or token % 3 != 2 for token in range(V)]
    assert lexicon.is_word_start.tolist() == starts
    assert np.array_equal(lexicon.ngrams.numpy(), np.load(tmp_path / "ngrams" / "hashes.npy"))
    assert len(build_lexicon(rows, V, tmp_path).ngrams) == 0
    assert not lexicon.state_dict()


@pytest.mark.parametrize(
    ("tokens", "starts"),
    [
        (["the", "##re", "un", "."], [True, False, True, True]),
        (["Ġthe", "re", "Ġ", ".", HAN, HAN[1:]], [True, False, True, False, True, False]),
    ],
    ids=["wordpiece", "bytes"],
)
def test_words_start_as_the_tokenizer_writes_them(tmp_path, tokens, starts):
    vocabulary = {text: token_id for token_id, text in enumerate([*SPECIAL, *tokens])}
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"), SPECIAL, strict=True))
    kind = models.WordPiece if any(text.startswith("##") for text in tokens) else models.WordLevel
    PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(kind(vocabulary, unk_token="[UNK]")),
        **{f"{name}_token": text for name, text in names.items()},
    ).save_pretrained(tmp_path)
    lexicon = build_lexicon(np.zeros((1, 4), np.int64), len(vocabulary), tmp_path)
    assert lexicon.is_word_start.tolist() == [True] * len(SPECIAL) + starts
