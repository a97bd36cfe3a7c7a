"""Words and white space without end: split, so that time and tokens keep their bounds."""

import json

import numpy as np
import pytest

from mae_bench.data.blocks import build_blocks
from mae_bench.data.tokenizer import MAX_SPACES, MAX_WORD, load_tokenizer, train_tokenizer
from mae_bench.progress import silent
from mae_bench.specs import CorpusSpec, TokenizerSpec

LETTERS = "abcdefghijklmnopqrstuvwxyz"
PADDED = "\n".join(f"name{i % 7}" + " " * 3000 + f"{i % 5}.5" for i in range(40))
ENDLESS = "".join(LETTERS[(i * i + i // 7) % 26] for i in range(20_000))
CHINESE = "".join(chr(0x4E00 + i * 7 % 400) for i in range(3_000))


def trained(folder, texts, kind, vocab_size=700):
    (folder / "texts.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts))
    words = TokenizerSpec(kind=kind, vocab_size=vocab_size)
    sources = (str(folder / "texts.jsonl"),)
    spec = CorpusSpec(sources=sources, tokenizer=words, row_length=32)
    train_tokenizer(spec, folder / "tokenizer", None, silent)
    return spec, load_tokenizer(folder / "tokenizer")


@pytest.mark.parametrize("kind", ["bpe", "wordpiece"])
def test_no_piece_of_a_text_is_longer_than_the_bounds(tmp_path, kind):
    texts = [PADDED, ENDLESS, "-" * 5000, "7" * 5000, CHINESE, "plain words of a text"]
    documents = ["\n".join(texts), "\n".join(reversed(texts))]  # one of them is for validation
    _, tokenizer = trained(tmp_path, documents, kind, 1500)
    backend = tokenizer.backend_tokenizer
    for text in texts:
        normal = backend.normalizer.normalize_str(text) if backend.normalizer else text
        pieces = backend.pre_tokenizer.pre_tokenize_str(normal)
        sizes = [(end - start, normal[start:end]) for _, (start, end) in pieces]
        assert max(size for size, _ in sizes) <= MAX_WORD + 1  # with the blank before it
        assert max((size for size, piece in sizes if piece.isspace()), default=0) <= MAX_SPACES
        ids = tokenizer(text, add_special_tokens=False).input_ids
        assert 1 not in ids, "no word is too long to be known"
    if kind == "bpe":
        for text in texts:
            assert tokenizer.decode(tokenizer(text, add_special_tokens=False).input_ids) == text
    longest = 3 * MAX_WORD + 1 if kind == "bpe" else MAX_WORD + len("##")  # bytes of Chinese
    assert max(map(len, tokenizer.get_vocab())) <= longest


def test_ordinary_words_are_split_as_gpt2_splits_them(tmp_path):
    from tokenizers import pre_tokenizers

    _, tokenizer = trained(tmp_path, [PADDED], "bpe")
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
    for text in (
        "It's 1990\u20132000,  two  spaces\n\n\tindented\r\nline \u00a0 end  ",
        "d\u00e9j\u00e0 vu: 'll we're; x=(a+b)**2 != c ... \u4e2d\u6587\uff0c\u5b57",
        "a" * MAX_WORD + " " + "b" * MAX_WORD,
        "",
    ):
        ours = tokenizer.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)
        assert ours == gpt2.pre_tokenize_str(text)


def test_wordpiece_fills_its_vocabulary_with_characters(tmp_path):
    """No merge can join two Chinese characters, so that all its places are for characters."""
    text = "".join(chr(0x4E00 + i % 900) * (1 + i % 900 // 300) for i in range(2700))
    _, tokenizer = trained(tmp_path, [text + " some latin words" * 50] * 2, "wordpiece", 500)
    vocabulary = tokenizer.get_vocab()
    assert len(vocabulary) == 500
    inside = {word[2:] for word in vocabulary if word.startswith("##")}
    assert inside and not any(letter >= "\u4e00" for letter in inside)
    counts = {chr(0x4E00 + i): 1 + i // 300 for i in range(900)}
    kept = [counts[word] for word in vocabulary if word in counts]
    assert min(kept) == 2 and kept.count(3) == 300  # the most frequent ones


@pytest.mark.parametrize("kind", ["bpe", "wordpiece"])
def test_the_share_of_unknown_tokens_is_in_a_warning(tmp_path, kind):
    spec, _ = trained(tmp_path, [CHINESE[i : i + 60] for i in range(0, 3000, 30)], kind, 300)
    build_blocks(spec, tmp_path / "tokenizer", tmp_path / "blocks", None, silent)
    meta = json.loads((tmp_path / "blocks" / "meta.json").read_text())
    rows = np.load(tmp_path / "blocks" / "rows.npy")
    unknown, known = int((rows == 1).sum()), int((rows >= 5).sum())
    assert meta["unknown_ratio"] == unknown / (unknown + known)
    assert (meta["unknown_ratio"] > 0) == (kind == "wordpiece")
    lengths = ((rows == 1) | (rows >= 5)).sum(1).tolist()
    assert meta["rows_by_tokens"] == {str(n): lengths.count(n) for n in sorted(set(lengths))}
