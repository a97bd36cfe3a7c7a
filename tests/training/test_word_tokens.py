"""Words as tokens: with every family of tokenizers, each word's first token is where it starts."""

import pytest
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

from mae_bench.training.word_tokens import UNREAD, tokenize_words

SENTENCES = [
    "Mary Slessor of Dundee went to Calabar .".split(),
    "a grey-green river , it's unbelievable !".split(),
    ["Wolof"],
]
TEXT = [" ".join(words) for words in SENTENCES] * 20


def wordpiece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=60, special_tokens=special)
    return finished(tokenizer, trainer, "[CLS]", "[SEP]", "[UNK]", "[PAD]")


def byte_level():
    """As RoBERTa's: a blank belongs to the word behind it, other names of special tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=special, initial_alphabet=sorted(alphabet)
    )
    return finished(tokenizer, trainer, "<s>", "</s>", "<unk>", "<pad>")


def sentencepiece():
    """As XLM-R's: a unigram model in which a mark stands for the blank before a word."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    trainer = trainers.UnigramTrainer(
        vocab_size=80, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], unk_token="<unk>"
    )
    return finished(tokenizer, trainer, "<s>", "</s>", "<unk>", "<pad>")


def finished(tokenizer, trainer, first, last, unknown, padding):
    trainer.show_progress = False
    tokenizer.train_from_iterator(TEXT, trainer)
    ids = [(token, tokenizer.token_to_id(token)) for token in (first, last)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", special_tokens=ids
    )
    names = {"cls_token": first, "sep_token": last, "unk_token": unknown, "pad_token": padding}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


FAMILIES = {"wordpiece": wordpiece, "byte-level": byte_level, "sentencepiece": sentencepiece}


def read(tokenizer, texts, max_length=64):
    return tokenize_words(tokenizer, texts, max_length=max_length, vocab_size=9999, device="cpu")


@pytest.mark.parametrize("family", FAMILIES)
def test_words_are_read_as_in_their_sentence(family):
    tokenizer = FAMILIES[family]()
    tokens = read(tokenizer, SENTENCES)
    for row, words in enumerate(SENTENCES):
        sentence = " ".join(words)
        whole = tokenizer(sentence, return_offsets_mapping=True)
        size = int(tokens.lengths[row])
        assert tokens.ids[row, :size].tolist() == whole["input_ids"]
        start, expected = 0, []
        for word in words:  # the first token of the word with the blank before it
            spans = enumerate(whole["offset_mapping"])
            expected.append(next(i for i, (low, high) in spans if start - 1 <= low < high))
            start += len(word) + 1
        assert tokens.first_tokens[row].tolist() == expected


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("length", [2, 3, 5, 9])
def test_words_beyond_the_window_are_unread_and_still_there(family, length):
    tokenizer = FAMILIES[family]()
    whole, cut = read(tokenizer, SENTENCES), read(tokenizer, SENTENCES, length)
    assert cut.ids.shape[1] <= length
    for row, words in enumerate(SENTENCES):
        assert len(cut.first_tokens[row]) == len(words)
        size = int(cut.lengths[row])
        assert int(cut.ids[row, size - 1]) == tokenizer.sep_token_id
        for before, after in zip(whole.first_tokens[row], cut.first_tokens[row], strict=True):
            assert after == (before if before < length - 1 else UNREAD)


def test_a_word_without_tokens_is_still_a_word():
    tokenizer = wordpiece()
    words = ["river", "\u200b", "", "Dundee"]
    tokens = read(tokenizer, [words, [], [""]])
    starts = tokens.first_tokens[0]
    assert len(starts) == 4 and starts[1] == starts[2] == UNREAD
    assert starts[3] == 1 + len(tokenizer("river", add_special_tokens=False)["input_ids"])
    assert [len(first) for first in tokens.first_tokens] == [4, 0, 1]


def test_what_a_word_says_is_text():
    tokenizer = wordpiece()
    ids = read(tokenizer, [["river", "[SEP]", "Dundee"]]).ids[0].tolist()
    assert ids.count(tokenizer.sep_token_id) == 1


def test_no_blank_stands_between_characters_of_a_script_without_blanks():
    tokenizer = byte_level()
    chinese = ["\u6c5f", "\u6cb3", "ABC", "\u6c34"]
    ids = read(tokenizer, [chinese]).ids[0].tolist()
    assert tokenizer.decode(ids, skip_special_tokens=True) == "\u6c5f\u6cb3 ABC \u6c34"
