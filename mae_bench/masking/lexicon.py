"""What is known of the vocabulary of a corpus, as tensors indexed by token id.

Legend: V vocabulary size, K n-grams.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mae_bench.data.tokenizer import SPECIAL, load_tokenizer

# first bytes, as byte-level BPE writes them, of UTF-8 characters of scripts without spaces
# (Chinese, Japanese; with them Hangul before U+B000): each such character starts a word
CJK_BYTES = tuple(chr(byte) for byte in range(0xE3, 0xEA))


class Lexicon(nn.Module):
    """Facts of a vocabulary that masking schemes and simple objectives look up.

    Attributes:
        counts: [V] how often each token stands in the training rows.
        is_word_start: [V] whether a token begins a word.
        first_char: [V] number of the token's first character, 0 where it has none.
        num_first_chars: how many numbers there are.
        ngrams: [K] sorted hashes of the corpus' collocations; empty unless they were counted.
    """

    counts: Tensor
    is_word_start: Tensor
    first_char: Tensor
    ngrams: Tensor

    def __init__(
        self, counts: Tensor, is_word_start: Tensor, first_char: Tensor, ngrams: Tensor
    ) -> None:
        """Hold the tables as buffers, so that they move with the objective; never saved."""
        super().__init__()
        self.register_buffer("counts", counts, persistent=False)
        self.register_buffer("is_word_start", is_word_start, persistent=False)
        self.register_buffer("first_char", first_char, persistent=False)
        self.register_buffer("ngrams", ngrams, persistent=False)
        self.num_first_chars = int(first_char.max()) + 1


def build_lexicon(
    rows: NDArray[np.integer], vocab_size: int, tokenizer: Path, ngrams: Path | None = None
) -> Lexicon:
    """Return the lexicon of training rows [N, L].

    Args:
        rows: of the corpus.
        vocab_size: V.
        tokenizer: folder whose vocabulary says where words begin and with which character.
        ngrams: folder of the stage that counted collocations.
    """
    counts = np.bincount(np.asarray(rows).ravel(), minlength=vocab_size)
    texts, is_start = _texts(tokenizer, vocab_size)
    letters = sorted({text[0] for text in texts if text})
    number = {letter: place for place, letter in enumerate(letters, start=1)}
    first = [number[text[0]] if text else 0 for text in texts]
    hashes = np.load(ngrams / "hashes.npy", allow_pickle=False) if ngrams else np.empty(0, np.int64)
    return Lexicon(
        torch.from_numpy(counts.astype(np.int64)),
        torch.tensor(is_start),
        torch.tensor(first),
        torch.from_numpy(hashes),
    )


def _texts(tokenizer: Path, vocab_size: int) -> tuple[list[str], list[bool]]:
    """Return each token's text without the mark of a word's start, and whether it starts one.

    Byte-level BPE writes the space before a word as ``Ġ``, so punctuation belongs to the word that
    it follows, and Chinese falls into characters; WordPiece marks what continues a word.
    """
    from tokenizers.models import WordPiece

    fast = load_tokenizer(tokenizer)
    vocabulary = fast.get_vocab()
    by_id = {place: text for text, place in vocabulary.items()}
    # not by its tokens: a BPE of text with headings has "##" too
    is_wordpiece = isinstance(fast.backend_tokenizer.model, WordPiece)
    texts: list[str] = []
    is_start: list[bool] = []
    for place in range(vocab_size):
        text = by_id.get(place, "")
        if place < len(SPECIAL):
            texts.append("")
            is_start.append(True)
        elif is_wordpiece:
            texts.append(text.removeprefix("##"))
            is_start.append(not text.startswith("##"))
        else:
            texts.append(text.removeprefix("Ġ").lower())
            is_start.append(text.startswith(("Ġ", *CJK_BYTES)))
    return texts, is_start
