"""Subword tokenizers trained on a corpus, saved as Hugging Face folders."""

from collections import Counter
from collections.abc import Iterator
from itertools import accumulate, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mae_bench.data.corpus import is_world
from mae_bench.data.documents import load_documents
from mae_bench.errors import StoreError
from mae_bench.progress import Progress
from mae_bench.specs import CorpusSpec, TokenizerSpec

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNK, CLS, SEP, MASK = range(5)
MAX_BYTES = 20_000_000  # of text to train on; merges of a small vocabulary settle far earlier
WORLD_DOCUMENTS = 4_000
MAX_WORD = 100  # characters; a longer word is split, so that training and encoding stay linear
MAX_SPACES = 16  # white space of a token: padded columns would fill the vocabulary with longer
# GPT-2's (Radford et al. 2019), with an end to its runs
BPE_WORDS = (
    rf"'s|'t|'re|'ve|'m|'ll|'d| ?\p{{L}}{{1,{MAX_WORD}}}| ?\p{{N}}{{1,{MAX_WORD}}}"
    rf"| ?[^\s\p{{L}}\p{{N}}]{{1,{MAX_WORD}}}|\s{{1,{MAX_SPACES}}}(?!\S)|\s{{1,{MAX_SPACES}}}"
)
MAX_LENGTH = 128  # what Hugging Face code truncates at by default; the specs' default length


def train_tokenizer(spec: CorpusSpec, out: Path, data_dir: Path | None, progress: Progress) -> None:
    """Train a tokenizer on a corpus and save it to a folder that AutoTokenizer loads.

    It sees the first 20 MB of the training documents in their seeded order (the first 4,000
    documents of the world), whatever ``tokens`` and ``row_length`` say: corpora of different
    sizes share one tokenizer, and so they nest.
    """
    out.mkdir(parents=True, exist_ok=True)
    documents = load_documents(spec, data_dir, out).train()
    if is_world(spec):
        documents = islice(documents, WORLD_DOCUMENTS)
    progress(0, 2, "reading text for the tokenizer")
    texts = list(_first_bytes(documents, MAX_BYTES))
    progress(1, 2, f"training a {spec.tokenizer.kind} tokenizer on {len(texts)} documents")
    train = _trained_bpe if spec.tokenizer.kind == "bpe" else _trained_wordpiece
    save_tokenizer(train(spec.tokenizer, texts), out)
    progress(2, 2, "tokenizer saved")


def load_tokenizer(folder: Path) -> "PreTrainedTokenizerFast":
    """Return the tokenizer of a folder.

    Raises:
        StoreError: the folder holds no tokenizer, or its special tokens are not ours.
    """
    from transformers import PreTrainedTokenizerFast

    if not (folder / "tokenizer.json").is_file():
        raise StoreError(f"no tokenizer in {folder}: tokenizer.json is missing")
    tokenizer: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(folder)
    special_ids = tokenizer.convert_tokens_to_ids(list(SPECIAL))
    if special_ids != list(range(len(SPECIAL))):
        raise StoreError(
            f"the tokenizer in {folder} has ids {special_ids} for {', '.join(SPECIAL)}; "
            f"they must be {list(range(len(SPECIAL)))}"
        )
    return tokenizer


def _first_bytes(documents: Iterator[str], limit: int) -> Iterator[str]:
    total = 0
    for text in documents:
        yield text
        total += len(text.encode("utf-8", "surrogatepass"))
        if total >= limit:
            return


def _trained_bpe(spec: TokenizerSpec, texts: list[str]) -> "Tokenizer":
    """Return a BPE of bytes: no text of any language is unknown, and decoding gives it back."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(BPE_WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=spec.vocab_size,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer, length=len(texts))
    return tokenizer


def _trained_wordpiece(spec: TokenizerSpec, texts: list[str]) -> "Tokenizer":
    """Return an uncased WordPiece whose rarest characters are unknown.

    Half of the vocabulary is for characters, the most frequent first, each with its ``##`` form
    if it can be inside a word; ids that merges leave unused go to further characters.

    The trainer numbers characters and their ``##`` forms in the order of a hash map, and merges
    of equal count follow these numbers: two runs differ. So the alphabet is chosen here, and its
    ``##`` forms are passed as if special, which fixes their numbers; the vocabulary is then set
    into a tokenizer where they are ordinary.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    normalizer = normalizers.BertNormalizer(lowercase=True)
    splitter = pre_tokenizers.Sequence(
        [
            pre_tokenizers.BertPreTokenizer(),
            pre_tokenizers.Split(Regex(rf"\S{{{MAX_WORD}}}"), "isolated"),
        ]
    )
    forms = _letter_forms(texts, normalizer, splitter)
    kept = _that_fit(forms, (spec.vocab_size - len(SPECIAL)) // 2)
    letters = [letter for letter, _ in kept]
    trainer = trainers.WordPieceTrainer(
        vocab_size=spec.vocab_size,
        special_tokens=[*SPECIAL, *(f"##{letter}" for letter, is_inside in kept if is_inside)],
        initial_alphabet=letters,
        limit_alphabet=len(letters),
        show_progress=False,
    )
    scratch = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    scratch.normalizer, scratch.pre_tokenizer = normalizer, splitter
    scratch.train_from_iterator(texts, trainer, length=len(texts))
    vocabulary = scratch.get_vocab(with_added_tokens=False)
    for letter, is_inside in _that_fit(forms[len(kept) :], spec.vocab_size - len(vocabulary)):
        for form in (letter, f"##{letter}")[: 1 + is_inside]:
            vocabulary[form] = len(vocabulary)
    tokenizer = Tokenizer(
        models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=MAX_WORD)
    )
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


def _letter_forms(texts: list[str], normalizer: Any, splitter: Any) -> list[tuple[str, bool]]:
    """Return the characters of texts, most frequent first, and whether one can be inside a word.

    Punctuation and Chinese characters are words of their own.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(normalizer.normalize_str(text))
    letters = (letter for letter in counts if not letter.isspace())

    def can_continue(letter: str) -> bool:
        return len(splitter.pre_tokenize_str(normalizer.normalize_str(f"a{letter}"))) == 1

    return [(x, can_continue(x)) for x in sorted(letters, key=lambda x: (-counts[x], x))]


def _that_fit(forms: list[tuple[str, bool]], num_free: int) -> list[tuple[str, bool]]:
    """Return the first characters whose forms fit into the free ids of a vocabulary."""
    ends = accumulate(1 + is_inside for _, is_inside in forms)
    return forms[: sum(end <= num_free for end in ends)]


def save_tokenizer(tokenizer: "Tokenizer", out: Path) -> None:
    """Set our rows' [CLS] and [SEP] and write a folder that AutoTokenizer loads."""
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)],
    )
    fast: Any = PreTrainedTokenizerFast
    fast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=MAX_LENGTH,
        clean_up_tokenization_spaces=False,
    ).save_pretrained(out)
