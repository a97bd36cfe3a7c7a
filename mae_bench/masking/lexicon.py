"""What is known of the vocabulary of a corpus, as tensors indexed by token id.

Legend: V vocabulary size, K n-grams.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mae_bench.data.rows import count_tokens
from mae_bench.data.scripts import is_mark, is_space, is_unspaced
from mae_bench.data.tokenizer import SPECIAL, load_tokenizer
from mae_bench.masking.word_starts import WordStarts, byte_of_char


class Lexicon(nn.Module):
    """Facts of a vocabulary that masking schemes and simple objectives look up.

    Attributes:
        counts: [V] how often each token stands in the training rows.
        is_word_start: [V] whether a token begins a word, whatever stands around it.
        first_char: [V] number of the token's first character, 0 where it has none.
        num_first_chars: how many numbers there are.
        ngrams: [K] sorted hashes of the corpus' collocations; empty unless they were counted.
        starts: of tokens, the words that begin because of the characters around; None where the
            vocabulary's characters are not known.
    """

    counts: Tensor
    is_word_start: Tensor
    first_char: Tensor
    ngrams: Tensor

    def __init__(
        self,
        counts: Tensor,
        is_word_start: Tensor,
        first_char: Tensor,
        ngrams: Tensor,
        starts: WordStarts | None = None,
    ) -> None:
        """Hold the tables as buffers, so that they move with the objective; never saved."""
        super().__init__()
        self.register_buffer("counts", counts, persistent=False)
        self.register_buffer("is_word_start", is_word_start, persistent=False)
        self.register_buffer("first_char", first_char, persistent=False)
        self.register_buffer("ngrams", ngrams, persistent=False)
        self.num_first_chars = int(first_char.max()) + 1
        self.starts = starts

    def word_starts(self, ids: Tensor) -> Tensor:
        """Return [B, L] whether a word starts at each token of rows."""
        is_start = self.is_word_start[ids]
        return is_start if self.starts is None else is_start | self.starts(ids)


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
    counts = count_tokens(rows, vocab_size)
    tokens, may_continue = _tokens(tokenizer, vocab_size)
    texts = ["" if token is None else token.decode("utf-8", "surrogateescape") for token in tokens]
    is_start = [
        token is None or not is_inner or _begins(text)
        for token, text, is_inner in zip(tokens, texts, may_continue, strict=True)
    ]
    letters = [text.lstrip().lower()[:1] for text in texts]
    number = {letter: index for index, letter in enumerate(sorted({*letters, ""}))}
    hashes = np.load(ngrams / "hashes.npy", allow_pickle=False) if ngrams else np.empty(0, np.int64)
    return Lexicon(
        torch.from_numpy(counts),
        torch.tensor(is_start),
        torch.tensor([number[letter] for letter in letters]),
        torch.from_numpy(hashes),
        WordStarts(tokens),
    )


def _begins(text: str) -> bool:
    """Whether a word begins with a text: white space, or a character of a script without it.

    White space belongs to what follows it, as byte-level BPE writes it.
    """
    if not text:
        return False
    code = ord(text[0])
    return bool(is_space()[code] or (is_unspaced()[code] and not is_mark()[code]))


def _tokens(tokenizer: Path, vocab_size: int) -> tuple[list[bytes | None], list[bool]]:
    """Return each token's bytes, None for special ones, and whether it may continue a word.

    WordPiece marks what continues a word; in a BPE of bytes every token may.
    """
    from tokenizers.models import WordPiece

    fast = load_tokenizer(tokenizer)
    by_id = {token_id: text for text, token_id in fast.get_vocab().items()}
    # not by its tokens: a BPE of text with headings has "##" too
    is_wordpiece = isinstance(fast.backend_tokenizer.model, WordPiece)
    tokens: list[bytes | None] = [None] * len(SPECIAL)
    may_continue = [False] * len(SPECIAL)
    for token_id in range(len(SPECIAL), vocab_size):
        text = by_id.get(token_id, "")
        if is_wordpiece:
            tokens.append(text.removeprefix("##").encode("utf-8", "surrogatepass"))
            may_continue.append(text.startswith("##"))
        else:
            tokens.append(_bytes(text))
            may_continue.append(True)
    return tokens, may_continue


def _bytes(text: str) -> bytes:
    """Return the bytes that a token of a byte-level BPE stands for; an added one is its text."""
    known = byte_of_char()
    if all(letter in known for letter in text):
        return bytes(known[letter] for letter in text)
    return text.encode("utf-8", "surrogatepass")
