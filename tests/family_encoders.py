"""Tiny random encoders of many families, each with a tokenizer of its own kind, made here.

Each has its family's special tokens, places of padding and positions.
"""

from functools import cache

import torch
import transformers
from outside_encoders import texts
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}
BERT = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
ROBERTA = {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"}
GPT = {"eos": "<|endoftext|>"}
LLAMA = {"unk": "<unk>", "bos": "<s>", "eos": "</s>"}
T5 = {"pad": "<pad>", "eos": "</s>", "unk": "<unk>"}


def _template(single, pair, special, tokenizer):
    ids = [(word, tokenizer.token_to_id(word)) for word in special]
    return processors.TemplateProcessing(single=single, pair=pair, special_tokens=ids)


def _framed(cls, sep, second=1, middle=1):
    seps = " ".join([sep] * middle)
    return f"{cls} $A {sep}", f"{cls} $A {seps} $B:{second} {sep}:{second}"


@cache
def _pieces(names):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=300, special_tokens=list(names), show_progress=False
    )
    tokenizer.train_from_iterator(texts(), trainer)
    return tokenizer.to_str()


@cache
def _bytes(names):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=list(names),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts(), trainer)
    return tokenizer.to_str()


@cache
def _unigram(names):
    """Return what sentencepiece's unigram models become: blanks are written as a sign."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=300, special_tokens=list(names), unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(texts(), trainer)
    return tokenizer.to_str()


FAMILIES = {  # config and model, tokenizer, its special tokens, frame, what the config has beside
    "bert": ("Bert", _pieces, BERT, _framed("[CLS]", "[SEP]"), {"type_vocab_size": 2}),
    "electra": ("Electra", _pieces, BERT, _framed("[CLS]", "[SEP]"), {"embedding_size": 16}),
    "distilbert": ("DistilBert", _pieces, BERT, _framed("[CLS]", "[SEP]", 0), {}),
    "albert": ("Albert", _pieces, BERT, _framed("[CLS]", "[SEP]"), {"embedding_size": 16}),
    "roberta": (
        "Roberta", _bytes, ROBERTA, _framed("<s>", "</s>", 0, 2),
        {"pad_token_id": 1, "type_vocab_size": 1},
    ),
    "xlm-roberta": (
        "XLMRoberta", _unigram, ROBERTA, _framed("<s>", "</s>", 0, 2),
        {"pad_token_id": 1, "type_vocab_size": 1},
    ),
    "deberta": (
        "Deberta", _bytes, BERT, _framed("[CLS]", "[SEP]"),
        {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "type_vocab_size": 0},
    ),
    "deberta-v2": (
        "DebertaV2", _unigram, BERT | {"unk": "<unk>"}, _framed("[CLS]", "[SEP]"),
        {
            "relative_attention": True, "pos_att_type": ["c2p", "p2c"], "type_vocab_size": 0,
            "position_buckets": 16, "norm_rel_ebd": "layer_norm", "share_att_key": True,
            "position_biased_input": False,
        },
    ),
    "modernbert": (
        "ModernBert", _bytes, BERT, _framed("[CLS]", "[SEP]", 0),
        {"local_attention": 8, "global_attn_every_n_layers": 2, "pad_token_id": 0},
    ),
    "mpnet": (
        "MPNet", _pieces, ROBERTA | {"unk": "[UNK]"}, _framed("<s>", "</s>", 0, 2),
        {"pad_token_id": 1},
    ),
    "gpt2": ("GPT2", _bytes, GPT, ("$A", "$A $B"), {}),
    "llama": (
        "Llama", _bytes, LLAMA, ("<s> $A", "<s> $A <s> $B"), {"num_key_value_heads": 1}
    ),
    "qwen2": (
        "Qwen2", _bytes, {"pad": "<|endoftext|>", "eos": "<|im_end|>"}, ("$A", "$A $B"),
        {"num_key_value_heads": 1},
    ),
    "t5": ("T5", _unigram, T5, ("$A </s>", "$A </s> $B </s>"), {"d_kv": 16, "d_ff": 64}),
}  # fmt: skip


def save_tokenizer(family, folder):
    """Write the tokenizer of a family."""
    _, make, names, (single, pair), _ = FAMILIES[family]
    tokenizer = Tokenizer.from_str(make(tuple(dict.fromkeys(names.values()))))
    special = {word.partition(":")[0] for word in f"{single} {pair}".split() if word[0] != "$"}
    tokenizer.post_processor = _template(single, pair, sorted(special), tokenizer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{f"{name}_token": text for name, text in names.items()}
    )
    fast.save_pretrained(folder)
    return fast


def save_family(family, folder, *, seed=0, spare=0, head="Model", **changes):
    """Write a tiny random encoder of a family, or with a head, such as ``ForMaskedLM``.

    ``spare`` rows of its vocabulary have no token.
    """
    name, *_, fields = FAMILIES[family]
    fast = save_tokenizer(family, folder)
    made = getattr(transformers, f"{name}Config")
    config = made(**SIZES | {"vocab_size": len(fast) + spare} | fields | changes)
    if family in ("gpt2", "llama", "qwen2"):
        config.bos_token_id, config.eos_token_id = fast.bos_token_id, fast.eos_token_id
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = getattr(transformers, f"{name}{head}")(config)
        for parameter in model.parameters():  # biases and norms too
            torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    return folder
