"""An encoder's own tokenizer: the same text, the same hidden states and logits, under our ids."""

import json
import shutil

import pytest
import torch
from outside_encoders import SAVE, edit, save_bert, texts
from small_blocks import V, write_tokenizer
from tokenizers import Tokenizer
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from mae_bench.data.adopt_tokenizer import adopt_tokenizer, num_tokens, renumbered
from mae_bench.data.encoders import sized_backbone
from mae_bench.data.tokenizer import SPECIAL, load_tokenizer, train_tokenizer
from mae_bench.errors import SpecError
from mae_bench.masking import build_lexicon
from mae_bench.model.teacher import OutsideTeacher, Teacher, load_teacher
from mae_bench.pretraining.external import fitted_teacher, starting_backbone
from mae_bench.progress import silent
from mae_bench.specs import BackboneSpec, CorpusSpec, TokenizerSpec

TEXTS = [text[:90] for text in texts(8)] + ["Unseen: zebra  ## [MASK]", "\u00e9 e\u0301 \u4eba"]


@pytest.fixture(params=["bert", "modernbert"])
def encoder(request, tmp_path):
    return SAVE[request.param](tmp_path / "theirs")


@pytest.fixture
def ours(encoder, tmp_path):
    adopt_tokenizer(encoder, tmp_path / "ours")
    return tmp_path / "ours"


def original(encoder):
    tokenizer = Tokenizer.from_file(str(encoder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def padded(rows, pad):
    length = max(map(len, rows))
    ids = torch.tensor([row + [pad] * (length - len(row)) for row in rows])
    return ids, torch.tensor([[index >= len(row) for index in range(length)] for row in rows])


def rows_of(encoder, ours):
    """Return the texts as the encoder's ids, and as ours, with padding in both."""
    theirs, mine = original(encoder), load_tokenizer(ours)
    old = [theirs.encode(text).ids for text in TEXTS]
    new = [mine(text).input_ids for text in TEXTS]
    return padded(old, theirs.token_to_id("[PAD]")), padded(new, mine.pad_token_id)


def test_ids_are_ours_and_tokens_are_theirs(encoder, ours):
    theirs, mine = original(encoder), load_tokenizer(ours)
    assert mine.convert_tokens_to_ids(list(SPECIAL)) == [0, 1, 2, 3, 4]
    assert set(mine.get_vocab()) == set(theirs.get_vocab())
    assert sorted(mine.get_vocab().values()) == list(range(num_tokens(encoder)))
    others = sorted(set(theirs.get_vocab()) - set(SPECIAL), key=theirs.token_to_id)
    assert mine.convert_tokens_to_ids(others) == list(range(5, len(mine)))
    for text in TEXTS:
        assert mine(text).tokens() == theirs.encode(text).tokens
    a, b = (mine(text, add_special_tokens=False).input_ids for text in TEXTS[:2])
    assert mine(*TEXTS[:2]).input_ids == [2, *a, 3, *b, 3]
    assert len(mine("a b " * 50).input_ids) > 100  # their truncation and padding are gone
    auto = AutoTokenizer.from_pretrained(ours)
    assert [auto(text).input_ids for text in TEXTS] == [mine(text).input_ids for text in TEXTS]


def test_a_file_that_does_not_name_its_kind_is_the_same(encoder, ours, tmp_path):
    edit(encoder, lambda content: content["model"].pop("type"))  # as bert-base-uncased's
    adopt_tokenizer(encoder, tmp_path / "again")
    one, other = (folder / "tokenizer.json" for folder in (ours, tmp_path / "again"))
    assert one.read_bytes() == other.read_bytes()


def test_hidden_states_are_those_of_the_original(encoder, ours):
    (old, is_pad), (new, is_pad_here) = rows_of(encoder, ours)
    assert torch.equal(is_pad, is_pad_here)
    spec = sized_backbone(BackboneSpec(checkpoint=str(encoder)), encoder)
    backbone = starting_backbone(spec, encoder, ours).eval()
    model = AutoModel.from_pretrained(encoder).eval()
    with torch.no_grad():
        wanted = model(input_ids=old, attention_mask=(~is_pad).long()).last_hidden_state
        hidden = backbone(new, torch.arange(new.shape[1]).expand_as(new), is_pad)
    torch.testing.assert_close(hidden[~is_pad], wanted[~is_pad], atol=1e-5, rtol=0)
    config, size = backbone.config, num_tokens(ours)
    assert backbone.vocab_size == len(backbone.embedding.weight) == size
    assert config.pad_token_id == backbone.embedding.padding_idx == 0
    assert model.config.vocab_size > size or config.model_type == "bert"


@pytest.mark.parametrize("is_tied", [True, False])
@pytest.mark.parametrize("arch", ["bert", "modernbert"])
def test_a_teachers_logits_are_those_of_the_original(tmp_path, arch, is_tied):
    encoder = SAVE[arch](tmp_path / "theirs", is_tied=is_tied)
    adopt_tokenizer(encoder, tmp_path / "ours")
    (old, is_pad), (new, _) = rows_of(encoder, tmp_path / "ours")
    theirs, mine = original(encoder), load_tokenizer(tmp_path / "ours")
    with fitted_teacher(encoder, tmp_path / "ours", tmp_path / "work") as folder:
        assert folder != encoder
        teacher = load_teacher(folder, None)
    assert not folder.exists()
    assert isinstance(teacher, OutsideTeacher) and teacher.vocab_size == len(mine)
    model = AutoModelForMaskedLM.from_pretrained(encoder).eval()
    order = [
        theirs.token_to_id(mine.convert_ids_to_tokens(token_id)) for token_id in range(len(mine))
    ]
    with torch.no_grad():
        wanted = model(input_ids=old, attention_mask=(~is_pad).long()).logits[..., order]
        positions = torch.arange(new.shape[1]).expand_as(new)
        _, logits_here = teacher(new, positions, is_pad, lambda states: states)
    torch.testing.assert_close(logits_here[~is_pad], wanted[~is_pad], atol=1e-4, rtol=1e-4)


def test_the_same_order_stays_where_it_is(tmp_path):
    encoder = save_bert(tmp_path / "theirs")
    adopt_tokenizer(encoder, tmp_path / "ours")
    spec = sized_backbone(BackboneSpec(checkpoint=str(encoder)), encoder)
    again = tmp_path / "again"
    starting_backbone(spec, encoder, tmp_path / "ours").encoder.save_pretrained(again)
    shutil.copytree(tmp_path / "ours", again, dirs_exist_ok=True)
    with fitted_teacher(again, tmp_path / "ours", tmp_path / "work") as folder:
        assert folder == again
        assert type(load_teacher(folder, None)) is Teacher
    adopt_tokenizer(again, tmp_path / "third")
    one, other = ((tmp_path / name / "tokenizer.json").read_bytes() for name in ("ours", "third"))
    assert one == other


@pytest.mark.parametrize("kind", ["bpe", "wordpiece"])
def test_a_tokenizer_trained_here_is_taken_as_it_is(tmp_path, kind):
    spec = CorpusSpec(tokens=5_000, tokenizer=TokenizerSpec(kind=kind, vocab_size=330))
    train_tokenizer(spec, tmp_path / "trained", None, silent)
    adopt_tokenizer(tmp_path / "trained", tmp_path / "taken")
    one, other = (
        json.loads((tmp_path / name / "tokenizer.json").read_text())
        for name in ("trained", "taken")
    )
    assert one == other


def test_words_begin_where_the_kind_says(encoder, ours):
    mine = load_tokenizer(ours)
    vocabulary = mine.get_vocab()
    lexicon = build_lexicon([[0]], len(mine), ours)
    is_wordpiece = "##e" in vocabulary and "\u0120" not in vocabulary
    assert "##" in vocabulary or is_wordpiece  # of headings, in the BPE
    for word, token_id in vocabulary.items():
        if token_id >= len(SPECIAL) and word.isascii():
            is_start = bool(lexicon.is_word_start[token_id])
            begins = not word.startswith("##") if is_wordpiece else word[0].isspace()
            assert is_start == begins, word
    assert (
        not is_wordpiece
        or lexicon.first_char[vocabulary["##e"]] == (lexicon.first_char[vocabulary["e"]])
    )


def without(word):
    def change(content):
        content["model"]["vocab"].pop(word, None)
        content["added_tokens"] = [t for t in content["added_tokens"] if t["content"] != word]

    return change


WRONG = {
    "mask": (without("[MASK]"), r"lacks \[MASK\] for hidden tokens; take"),
    "two": (
        lambda content: (without("[PAD]")(content), without("[CLS]")(content)),
        r"lacks \[PAD\] for padding and \[CLS\] for the start of a row",
    ),
    "prefix": (
        lambda content: content["model"].update(continuing_subword_prefix="@@"),
        "got another kind of WordPiece",
    ),
    "unigram": (
        lambda content: content.update(model={"type": "Unigram", "vocab": [["a", 0.0]]}),
        "got another kind of Unigram",
    ),
    "no model": (lambda content: content.pop("model"), r"a tokenizer that can be read \(Key"),
    "no words": (lambda content: content["model"].pop("vocab"), r"that can be read \(TypeError"),
    "no number": (
        lambda content: content["model"]["vocab"].update(extra="9"),
        "an id is not a whole number",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_tokenizer_that_cannot_be_used_says_why(tmp_path, case):
    change, words = WRONG[case]
    encoder = save_bert(tmp_path / "theirs")
    edit(encoder, change)
    with pytest.raises(SpecError, match=words) as caught:
        renumbered(encoder)
    assert "\n" not in str(caught.value)


def test_other_tokens_name_the_remedy(tmp_path):
    encoder = save_bert(tmp_path / "theirs")
    write_tokenizer(tmp_path / "ours", V)
    spec = sized_backbone(BackboneSpec(checkpoint=str(encoder)), encoder)
    with pytest.raises(SpecError, match=r"checkpoint '.*another tokenizer.*set corpus\.tokenizer"):
        starting_backbone(spec, encoder, tmp_path / "ours")
    with (
        pytest.raises(
            SpecError, match=r"teacher '.*another tokenizer.*set corpus\.tokenizer\.from"
        ),
        fitted_teacher(encoder, tmp_path / "ours", tmp_path / "work"),
    ):
        pass
    edit(encoder, lambda content: content["model"]["vocab"].update(extra=9_999))
    adopt_tokenizer(encoder, tmp_path / "larger")
    with pytest.raises(SpecError, match=r"rows, but its tokenizer has the id 9999; the tokenizer"):
        starting_backbone(spec, encoder, tmp_path / "larger")
