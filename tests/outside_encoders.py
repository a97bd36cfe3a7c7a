"""Small encoders as others make them: their own tokenizers, special ids and sizes of embedding."""

import json
from functools import cache

import torch
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    BertConfig,
    BertForMaskedLM,
    ModernBertConfig,
    ModernBertForMaskedLM,
    PreTrainedTokenizerFast,
)

from mae_bench.data.documents import load_documents
from mae_bench.data.tokenizer import SPECIAL
from mae_bench.specs import CorpusSpec

NAMES = dict(zip(("pad", "unk", "cls", "sep", "mask"), SPECIAL, strict=True))
POSITIONS = 48


@cache
def texts(count=300):
    """Return documents of the generated language."""
    documents = load_documents(CorpusSpec(), None).train()
    return [next(documents) for _ in range(count)]


def save_bert(folder, *, seed=0, scramble=False, is_tied=True):
    """Write a BERT whose special ids are BERT's: pad 0, unk 100, cls 101, sep 102, mask 103.

    ``scramble`` gives the other tokens another order.
    """
    pieces = sorted({letter for text in texts() for letter in text.lower() if letter.strip()})
    words = sorted({word.strip(".,;?!") for text in texts() for word in text.lower().split()})
    pieces = [*pieces, *(f"##{letter}" for letter in pieces), *(w for w in words if len(w) > 1)]
    if scramble:
        pieces = pieces[::-1]
    unused = [f"[unused{token_id}]" for token_id in range(99)]
    listed = ["[PAD]", *unused, "[UNK]", "[CLS]", "[SEP]", "[MASK]", *pieces]
    tokenizer = Tokenizer(
        models.WordPiece(
            {word: token_id for token_id, word in enumerate(listed)}, unk_token="[UNK]"
        )
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 102), ("[CLS]", 101))
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.enable_truncation(20)  # as sentence encoders have them
    tokenizer.enable_padding(length=20)
    _save_tokenizer(tokenizer, folder)
    config = BertConfig(
        vocab_size=len(listed), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=POSITIONS, pad_token_id=0,
        tie_word_embeddings=is_tied,
    )  # fmt: skip
    return _save_model(BertForMaskedLM, config, folder, seed)


def save_modernbert(folder, *, seed=0, is_tied=True):
    """Write a ModernBERT: bytes, special tokens behind all others, an embedding with spare rows."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*texts(), "## heading ## " * 500], trainer)
    tokenizer.add_tokens([AddedToken("  ", normalized=True), AddedToken("|||EMAIL|||")])
    tokenizer.add_special_tokens(["<|endoftext|>", "[UNK]", "[CLS]", "[SEP]", "[PAD]"])
    tokenizer.add_special_tokens([AddedToken("[MASK]", lstrip=True, special=True)])
    tokenizer.add_tokens(["[unused0]"])
    token_id = tokenizer.token_to_id
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[("[CLS]", token_id("[CLS]")), ("[SEP]", token_id("[SEP]"))],
    )
    _save_tokenizer(tokenizer, folder)
    config = ModernBertConfig(
        vocab_size=(tokenizer.get_vocab_size() // 64 + 1) * 64, hidden_size=32,
        num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, local_attention=8,
        global_attn_every_n_layers=2, max_position_embeddings=POSITIONS,
        pad_token_id=token_id("[PAD]"), cls_token_id=token_id("[CLS]"),
        sep_token_id=token_id("[SEP]"), bos_token_id=token_id("[CLS]"),
        eos_token_id=token_id("[SEP]"), tie_word_embeddings=is_tied,
    )  # fmt: skip
    return _save_model(ModernBertForMaskedLM, config, folder, seed)


SAVE = {"bert": save_bert, "modernbert": save_modernbert}


def edit(folder, change):
    """Rewrite a folder's tokenizer.json by a function of its content."""
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def _save_tokenizer(tokenizer, folder):
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{f"{name}_token": text for name, text in NAMES.items()}
    ).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))  # as it is, with what the class leaves out


def _save_model(kind, config, folder, seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = kind(config)
        for parameter in model.parameters():  # biases and norms too
            torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    return folder
