# ruff: noqa: RUF001
"""Where words start, against the decoded text of the rows, read character by character."""

import json
import unicodedata

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scripts import SCRIPTS, SEPARATORS, UNSPACED, document

from mae_bench.data.scripts import is_mark, is_space, is_unspaced, word_pattern
from mae_bench.data.tokenizer import load_tokenizer, train_tokenizer
from mae_bench.masking import build_lexicon
from mae_bench.progress import silent
from mae_bench.specs import CorpusSpec, TokenizerSpec

BLOCKS = ("THAI", "LAO", "TIBETAN", "KHMER", "MYANMAR", "CJK", "HIRAGANA", "KATAKANA",
          "IDEOGRAPHIC", "FULLWIDTH", "BOPOMOFO", "HALFWIDTH KATAKANA")  # fmt: skip


def has_no_blanks(letter):
    return unicodedata.name(letter, "").startswith(BLOCKS) and not letter.isspace()


def plain_starts(tokens):
    """Return whether each of some byte strings starts a word, by the text that they make."""
    data = b"".join(tokens)
    text, at_byte = data.decode(errors="surrogateescape"), {}
    offset = 0
    for index, letter in enumerate(text):
        at_byte[offset] = index
        offset += len(letter.encode(errors="surrogateescape"))
    starts, offset = [], 0
    for token in tokens:
        index = at_byte.get(offset)
        is_start = False
        if index is not None:
            now, before = text[index], text[index - 1] if index else "x"
            is_joined = unicodedata.category(now).startswith("M") and not now.isspace()
            begins = now.isspace() or has_no_blanks(now)
            follows = before.isspace() or has_no_blanks(before)
            is_start = not is_joined and (begins or follows)
        starts.append(is_start)
        offset += len(token)
    return starts


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """Return a small byte-level tokenizer and its lexicon, for text of all the scripts."""
    folder = tmp_path_factory.mktemp("bpe")
    texts = [document(s, mark, i) for s in SCRIPTS for i, mark in enumerate(SEPARATORS.values())]
    (folder / "texts.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts))
    spec = CorpusSpec(
        sources=(str(folder / "texts.jsonl"),), tokenizer=TokenizerSpec(vocab_size=600)
    )
    train_tokenizer(spec, folder / "tokenizer", None, silent)
    tokenizer = load_tokenizer(folder / "tokenizer")
    return tokenizer, build_lexicon([[0]], len(tokenizer), folder / "tokenizer")


def agrees(words, text):
    tokenizer, lexicon = words
    ids = tokenizer(text, add_special_tokens=False).input_ids
    if not ids:
        return True
    pieces = [tokenizer.convert_ids_to_tokens(i) for i in ids]
    tokens, at, data = [], 0, text.encode()
    for piece in pieces:  # a character of a byte-level token is one byte
        tokens.append(data[at : at + len(piece)])
        at += len(piece)
    starts = lexicon.word_starts(torch.tensor([ids]))[0].tolist()
    return starts == plain_starts(tokens)


@pytest.mark.parametrize("script", SCRIPTS)
def test_starts_of_real_words(words, script):
    for mark in (*SEPARATORS.values(), "  ", "\n\n", "\u2028", "-"):
        assert agrees(words, document(script, mark))


ALPHABET = "ab1.-" + "".join(SEPARATORS.values()) + "".join(s[:6] for s in SCRIPTS.values())


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from(sorted(set(ALPHABET + "é\u0301\U0001f916\U00020000"))), max_size=30))
def test_starts_of_any_text(words, text):
    assert agrees(words, text)


def test_tables_are_those_of_unicode():
    letters = [chr(code) for code in (*range(0x30000), 0x3FFFF) if not 0xD800 <= code < 0xE000]
    for letter in letters[::7]:
        assert is_space()[ord(letter)] == letter.isspace()
        assert is_mark()[ord(letter)] == (unicodedata.category(letter)[0] == "M")
    for text in UNSPACED.values():
        assert all(is_unspaced()[ord(letter)] for letter in text)
    for name in SCRIPTS.keys() - UNSPACED.keys():
        assert not any(is_unspaced()[ord(letter)] for letter in SCRIPTS[name])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's 3 naïve cafe\u0301s_x!", ["It", "'", "s", "3", "naïve", "cafe\u0301s_x", "!"]),
        ("हिन्दी में है।", ["हिन्दी", "में", "है", "।"]),
        ("ที่นี่ OK", ["ที่", "นี่", "OK"]),
        ("中文ABC。", ["中", "文", "ABC", "。"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
    ],
)
def test_words_of_a_text(text, words):
    assert word_pattern().findall(text) == words
