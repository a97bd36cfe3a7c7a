"""Tokenizers: special ids, exact round trips, the same result twice, a valid folder."""

import pytest
from transformers import AutoTokenizer

from mae_bench.data import tokenizer as module
from mae_bench.data.tokenizer import SPECIAL, load_tokenizer, train_tokenizer
from mae_bench.errors import StoreError
from mae_bench.progress import silent
from mae_bench.specs import CorpusSpec, TokenizerSpec

LANGUAGES = [
    "Everyone has the right to life, liberty and security of person.",
    "人人生而自由，在尊严和权利上一律平等。",  # noqa: RUF001
    "የሰው ልጅ ሁሉ ሲወለድ ነጻና በክብርና በመብትም እኩልነት ያለው ነው።",
    "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है।",
    "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق.",
    "Gbogbo ènìyàn ni a bí ní òmìnira; iyì àti ẹ̀tọ́ kọ̀ọ̀kan sì dọ́gba.",
    "🤖 👩🏽‍🚀 été\t  two  spaces \n\n trailing ",
    "\u00e9 and e\u0301 are not one",
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    words = "the cat sat on a mat while another dog ran away from it".split()
    texts = [" ".join(words[(i * j) % len(words)] for j in range(1, 30)) for i in range(1, 60)]
    (folder / "a.txt").write_text("\n\n".join(texts), encoding="utf-8")
    return folder


def trained(corpus, out, kind="bpe", **fields):
    spec = CorpusSpec(
        sources=(str(corpus),), tokenizer=TokenizerSpec(kind=kind, vocab_size=330), **fields
    )
    train_tokenizer(spec, out, None, silent)
    return load_tokenizer(out)


@pytest.fixture(scope="module", params=["bpe", "wordpiece"])
def tokenizer(request, corpus, tmp_path_factory):
    return trained(corpus, tmp_path_factory.mktemp(request.param), kind=request.param)


def test_special_ids_are_fixed(tokenizer):
    assert tokenizer.convert_tokens_to_ids(list(SPECIAL)) == [0, 1, 2, 3, 4]
    assert tokenizer.pad_token_id == module.PAD
    assert tokenizer.unk_token_id == module.UNK
    assert tokenizer.cls_token_id == module.CLS
    assert tokenizer.sep_token_id == module.SEP
    assert tokenizer.mask_token_id == module.MASK


def test_pairs_are_set_between_specials(tokenizer):
    a, b = (tokenizer(text, add_special_tokens=False).input_ids for text in ("the cat", "a dog"))
    assert tokenizer("the cat").input_ids == [2, *a, 3]
    assert tokenizer("the cat", "a dog").input_ids == [2, *a, 3, *b, 3]


def test_the_folder_is_a_hugging_face_tokenizer(tokenizer):
    loaded = AutoTokenizer.from_pretrained(tokenizer.name_or_path)
    assert loaded("the cat", "a dog").input_ids == tokenizer("the cat", "a dog").input_ids
    assert loaded.model_max_length == module.MAX_LENGTH


def test_the_vocabulary_keeps_its_limit(tokenizer):
    assert len(tokenizer) <= 330


@pytest.mark.parametrize("text", LANGUAGES)
def test_bytes_give_any_language_back(corpus, tmp_path, text):
    tokenizer = trained(corpus, tmp_path)
    ids = tokenizer(text, add_special_tokens=False).input_ids
    assert tokenizer.decode(ids) == text
    assert module.UNK not in ids


@pytest.mark.parametrize("kind", ["bpe", "wordpiece"])
def test_training_twice_gives_the_same_file(corpus, tmp_path, kind):
    for name in ("one", "two"):
        trained(corpus, tmp_path / name, kind=kind)
    one, two = ((tmp_path / name / "tokenizer.json").read_bytes() for name in ("one", "two"))
    assert one == two


def test_pieces_inside_words_are_not_special(corpus, tmp_path):
    tokenizer = trained(corpus, tmp_path, kind="wordpiece")
    assert set(tokenizer.all_special_tokens) == set(SPECIAL)
    assert set(tokenizer.get_added_vocab()) == set(SPECIAL)
    ids = tokenizer("the dogs", add_special_tokens=False).input_ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == "the dogs"
    assert tokenizer("dogs ##s", add_special_tokens=False).tokens()[-3:-1] == ["[UNK]", "[UNK]"]


def test_sizes_and_row_lengths_share_one_tokenizer(corpus, tmp_path):
    trained(corpus, tmp_path / "one")
    trained(corpus, tmp_path / "two", tokens=50, row_length=16)
    one, two = ((tmp_path / name / "tokenizer.json").read_bytes() for name in ("one", "two"))
    assert one == two


def test_a_folder_without_a_tokenizer_is_named(tmp_path):
    with pytest.raises(StoreError, match=r"no tokenizer in .*: tokenizer\.json is missing"):
        load_tokenizer(tmp_path)


def test_reading_stops_at_the_limit_of_bytes():
    texts = iter(["a" * 40] * 10)
    assert len(list(module._first_bytes(texts, 100))) == 3
