"""No token is out of reach, and none hidden always: any script, white space, scheme, tokenizer."""

import json

import numpy as np
import pytest
import torch
from outside_encoders import SAVE
from scripts import SCRIPTS, SEPARATORS, document

from mae_bench.data.adopt_tokenizer import adopt_tokenizer
from mae_bench.data.tokenizer import CLS, PAD, SEP, SPECIAL, load_tokenizer, train_tokenizer
from mae_bench.draws import Block, Draws
from mae_bench.masking import MASKINGS, Masking, build_lexicon, hide
from mae_bench.masking.ngrams import count_ngrams
from mae_bench.progress import silent
from mae_bench.specs import CorpusSpec, TokenizerSpec

L, EPOCHS = 32, 200  # a token of even odds stays out of 200 epochs with chance .85 ** 200
WHOLE = ["whole_word", "pmi"]  # the schemes that look at words


def rows_of(tokenizer, texts):
    """Return the first row of each text, as blocks cut them."""
    rows = np.full((len(texts), L), PAD, dtype=np.int64)
    for row, text in zip(rows, texts, strict=True):
        ids = tokenizer(text, add_special_tokens=False).input_ids[: L - 2]
        row[: len(ids) + 2] = [CLS, *ids, SEP]
    return rows


def check(folder, texts, tmp_path, schemes=WHOLE):
    """Hide tokens of rows under many draws at once, by each scheme."""
    tokenizer = load_tokenizer(folder)
    rows = rows_of(tokenizer, texts)
    count_ngrams(np.concatenate([rows] * 12), tmp_path, silent)
    lexicon = build_lexicon(rows, len(tokenizer), folder, tmp_path)
    ids = torch.from_numpy(rows)
    is_text = (ids >= len(SPECIAL)) | (ids == SPECIAL.index("[UNK]"))
    is_text &= is_text.sum(1, keepdim=True) >= 4  # shorter texts hide nothing
    many = Block(ids.repeat(EPOCHS, 1), (ids == PAD).repeat(EPOCHS, 1))
    for scheme in schemes:
        draws = Draws(0, 0, torch.arange(len(many.ids)))
        hidden = hide(many, draws, 0.15, Masking(scheme=scheme), lexicon)
        is_hidden = torch.zeros_like(many.ids).scatter(1, hidden.positions, hidden.is_target.long())
        count = is_hidden.view(EPOCHS, *ids.shape).sum(0)
        wanted = torch.floor(is_text.sum(1) * 0.15 + 0.5)
        assert torch.equal(count.sum(1), (EPOCHS * wanted).long()), scheme
        assert (count[is_text] > 0).all(), (scheme, (count[is_text] == 0).float().mean())
        assert (count[is_text] < EPOCHS / 2).all(), scheme


@pytest.fixture(scope="module", params=["bpe", "wordpiece"])
def trained(request, tmp_path_factory):
    """A tokenizer of all scripts, so small that words are of several tokens."""
    folder = tmp_path_factory.mktemp(request.param)
    texts = [document(s, mark, i) for s in SCRIPTS for i, mark in enumerate(SEPARATORS.values())]
    (folder / "texts.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts))
    words = TokenizerSpec(kind=request.param, vocab_size=900)
    spec = CorpusSpec(sources=(str(folder / "texts.jsonl"),), tokenizer=words)
    train_tokenizer(spec, folder / "tokenizer", None, silent)
    return folder / "tokenizer"


@pytest.mark.parametrize("script", SCRIPTS)
def test_with_any_white_space(script, trained, tmp_path):
    texts = [document(script, mark, i) for i, mark in enumerate(SEPARATORS.values())]
    check(trained, texts, tmp_path)


def test_by_every_scheme(trained, tmp_path):
    texts = [document(script, "\n") for script in ("latin", "devanagari", "thai", "chinese")]
    check(trained, texts, tmp_path, MASKINGS.names())


def test_in_words_longer_than_what_is_hidden(trained, tmp_path):
    letters = "abcdefghijklmnopqrstuvwxyz"
    long = "".join(letters[(7 * i * i + i) % 26] for i in range(99))
    check(trained, [long, long[:40] + " " + long[:9], " " * 50 + "end", "a" + "\n" * 50], tmp_path)


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
def test_with_a_tokenizer_that_was_taken_over(kind, tmp_path):
    adopt_tokenizer(SAVE[kind](tmp_path / "theirs"), tmp_path / "ours")
    texts = [document("latin", mark, i) for i, mark in enumerate(SEPARATORS.values())]
    if kind == "modernbert":  # of bytes: it can write any script
        texts += [document(script, "\n") for script in SCRIPTS]
    check(tmp_path / "ours", texts, tmp_path / "ngrams")
