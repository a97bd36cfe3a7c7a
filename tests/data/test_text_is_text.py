"""What a text says is text: names of special tokens give no special ids, in tasks as in rows."""

import numpy as np
import pytest
from outside_encoders import SAVE, texts
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from mae_bench.data.adopt_tokenizer import adopt_tokenizer
from mae_bench.data.encoding import encode
from mae_bench.data.tokenizer import SPECIAL, train_tokenizer
from mae_bench.data.tokenizer import load_tokenizer as load_ours
from mae_bench.progress import silent
from mae_bench.specs import CorpusSpec, TokenizerSpec
from mae_bench.training.batching import load_tokenizer, tokenize

ROBERTA = ("<pad>", "<unk>", "<s>", "</s>", "<mask>", "<|endoftext|>")


def save_roberta(folder):
    """Write a tokenizer with RoBERTa's special tokens, as encoders from outside have it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=list(ROBERTA), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts(), trainer)
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token"), ROBERTA, strict=False))
    mask = AddedToken("<mask>", lstrip=True, special=True)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, mask_token=mask, **names).save_pretrained(
        folder
    )


@pytest.fixture(scope="module", params=["bpe", "wordpiece", "bert", "modernbert"])
def ours(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    if request.param in SAVE:
        adopt_tokenizer(SAVE[request.param](folder / "theirs"), folder / "ours")
    else:
        (folder / "texts.txt").write_text("\n\n".join(texts()))
        words = TokenizerSpec(kind=request.param, vocab_size=330)
        spec = CorpusSpec(sources=(str(folder / "texts.txt"),), tokenizer=words)
        train_tokenizer(spec, folder / "ours", None, silent)
    return folder / "ours"


def ids_in_a_task(tokenizer, *columns):
    tokens = tokenize(
        tokenizer, [[text] for text in columns], max_length=64, vocab_size=10**6, device="cpu"
    )
    return tokens.ids[0, : tokens.lengths[0]].tolist()


@pytest.mark.parametrize("word", SPECIAL)
def test_a_text_has_the_same_ids_in_a_task_and_in_a_corpus(ours, word):
    text = f"the {word} and{word}{word.lower()} end"
    backend = load_ours(ours).backend_tokenizer
    backend.encode_special_tokens = True
    ((ids, lengths),) = encode([text, word], backend, np.uint16)
    wanted, alone = (part.tolist() for part in np.split(ids, [lengths[0]]))
    tokenizer = load_tokenizer(ours)
    assert ids_in_a_task(tokenizer, text) == [2, *wanted, 3]
    assert ids_in_a_task(tokenizer, text, word) == [2, *wanted, 3, *alone, 3]
    control = {SPECIAL.index(name) for name in ("[PAD]", "[CLS]", "[SEP]", "[MASK]")}
    assert not control & set(wanted)


@pytest.mark.parametrize("word", ROBERTA)
def test_also_with_an_encoder_from_outside(tmp_path, word):
    save_roberta(tmp_path)
    ids = ids_in_a_task(load_tokenizer(tmp_path), f"a {word} b{word}")
    assert not set(ids) & set(range(len(ROBERTA)))
