"""How likely a head finds the tokens of a text: by hiding each, or from left to right.

Pseudo-log-likelihood is the sum over a text's tokens of log p(token | all the others), each hidden
in a copy of the text (Salazar et al. 2020, arXiv:1910.14659). An objective hides as it did in
pretraining: mlm shows [MASK], a mae removes the token from the encoder and asks the decoder. An
outside encoder's own head is asked alike.
Copies of one length that hide as many tokens are read together, so that nothing is padded.
Legend: B copies, L their length, M hidden tokens of a copy, T tokens of a text.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mae_bench.data.word_units import drawn_words, tokens_and_words
from mae_bench.errors import DivergedError, SpecError
from mae_bench.protocols.token_heads import open_head
from mae_bench.specs import ScoreRecipe
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.scored import Recovered
from mae_bench.training.batching import check_room

AT_ONCE = 4096  # copies that are laid out before they are read


@dataclass(frozen=True)
class Stretch:
    """Tokens of a text that are read together, in their frame of [CLS] and [SEP] or others.

    Attributes:
        ids: L of them, the frame included.
        words: of each token inside the frame, what `words_of_tokens` says.
        first: position of the first token inside.
    """

    ids: tuple[int, ...]
    words: tuple[range, ...]
    first: int

    @property
    def positions(self) -> range:
        """Of the tokens inside the frame."""
        return range(self.first, self.first + len(self.words))

    def word_at(self, position: int) -> range:
        """Return the words of the token at a position."""
        return self.words[position - self.first]


@dataclass(frozen=True)
class Copy:
    """A stretch with the positions that are hidden in it, ascending; none from left to right."""

    stretch: Stretch
    hidden: tuple[int, ...]


class TokenScorer:
    """A pretrained objective or an outside encoder with its head, asked for tokens.

    Attributes:
        head: that is asked.
        is_left_to_right: whether it gives likelihoods, not pseudo-likelihoods.
        unknown: tokens that were scored as [UNK], whatever they stand for.
    """

    def __init__(self, checkpoint: Path, recipe: ScoreRecipe, device: str) -> None:
        """Open the head.

        Raises:
            SpecError: it names no tokens, the recipe asks for longer texts than the encoder has
                positions for or has no room for one token of a text, or there is no tokenizer.
        """
        head = open_head(
            checkpoint, precision=recipe.precision, device=device, max_length=recipe.max_length
        )
        if head is None:
            raise SpecError(
                "protocol 'score' asks the objective itself how likely tokens are, and this "
                "checkpoint has no head that names tokens; take an arm that predicts them, such "
                "as mlm, mae or causal, an encoder that was saved with its head "
                "(...ForMaskedLM, ...ForCausalLM), or another protocol"
            )
        check_room(recipe.max_length, head.num_framing)
        self.head, self.is_left_to_right = head, head.is_left_to_right
        self.recipe, self.device = recipe, device
        self.unknown = 0
        self._tokenizer = head.tokenizer
        self._known: dict[Stretch, float] = {}

    def log_likelihoods(self, texts: Sequence[str]) -> Values:
        """Return [M] the sum of log-probabilities of each text's tokens, in nats."""
        stretches = [self._stretches(text) for text in texts]
        new = dict.fromkeys(s for parts in stretches for s in parts if s not in self._known)
        unk = self._tokenizer.unk_token_id  # may stand in the frame, too, as GPT-2's does
        self.unknown += sum(part.ids[part.first : part.positions.stop].count(unk) for part in new)
        # of one text in two batches the last digits may differ, so that each is read once
        self._known |= dict.fromkeys(new, 0.0)
        for copy, scores, _ in self._read(self._copies(new)):
            # of hidden tokens the leftmost is asked for; the others are its word's rest
            score = scores.sum() if self.is_left_to_right else scores[0]
            self._known[copy.stretch] += float(score)
        return np.array([sum(self._known[part] for part in parts) for parts in stretches])

    def recover(self, texts: Sequence[str], ratio: float) -> Recovered:
        """Hide a share of the words of each text, the same words for every tokenizer.

        Of a text longer than ``max_length`` the first tokens are read.
        """
        hidden = right = read = 0
        copies = []
        for text in texts:
            stretch = next(iter(self._stretches(text)), None)
            if stretch is None:
                continue
            drawn = drawn_words(text, ratio)
            wanted = [p for p in stretch.positions if drawn & {*stretch.word_at(p)}]
            read += len({word for unit in stretch.words for word in unit})
            if wanted:
                copies.append(Copy(stretch, tuple(wanted)))
        for copy, _, is_best in self._read(iter(copies)):
            is_right: dict[range, bool] = {}
            for position, is_named in zip(copy.hidden, is_best.tolist(), strict=True):
                unit = copy.stretch.word_at(position)
                is_right[unit] = is_right.get(unit, True) and is_named
            hidden += sum(len(unit) for unit in is_right)
            right += sum(len(unit) for unit, is_named in is_right.items() if is_named)
        return Recovered(hidden, right, read)

    def _stretches(self, text: str) -> list[Stretch]:
        """Return a text's tokens, cut where they would be too long; none of an empty text."""
        ids, words = tokens_and_words(self._tokenizer, text)
        before, after = self.head.before, self.head.after
        room = self.recipe.max_length - self.head.num_framing
        parts = [slice(start, start + room) for start in range(0, len(ids), room)]
        return [
            Stretch((*before, *ids[part], *after), tuple(words[part]), len(before))
            for part in parts
        ]

    def _copies(self, stretches: Iterable[Stretch]) -> Iterator[Copy]:
        for stretch in stretches:
            if self.is_left_to_right:
                yield Copy(stretch, ())
                continue
            for position in stretch.positions:
                hidden = [position]
                if self.recipe.within_word == "mask_right":
                    own = stretch.word_at(position)
                    rest = range(position + 1, stretch.positions.stop)
                    hidden += [p for p in rest if stretch.word_at(p) == own]
                yield Copy(stretch, tuple(hidden))

    def _read(self, copies: Iterator[Copy]) -> Iterator[tuple[Copy, Values, Values]]:
        """Yield each copy with the log-probability of its tokens, and whether each is the best."""
        while some := list(islice(copies, AT_ONCE)):
            by_shape: dict[tuple[int, int], list[Copy]] = {}
            for copy in some:
                shape = len(copy.stretch.ids), len(copy.hidden)
                by_shape.setdefault(shape, []).append(copy)
            for (length, _), alike in sorted(by_shape.items(), reverse=True):
                size = max(1, self.recipe.batch_tokens // length)
                for start in range(0, len(alike), size):
                    yield from self._batch(alike[start : start + size])

    def _batch(self, copies: list[Copy]) -> Iterator[tuple[Copy, Values, Values]]:
        ids = torch.tensor([copy.stretch.ids for copy in copies], device=self.device)
        hidden = None
        if not self.is_left_to_right:
            hidden = torch.tensor([copy.hidden for copy in copies], device=self.device)
        scores, is_best = self.head.score(ids, hidden)
        if not bool(scores.isfinite().all()):
            raise DivergedError(f"log-probabilities of {self.head.name} are not finite")
        shape = len(copies), -1
        return zip(copies, _rows(scores.double(), shape), _rows(is_best, shape), strict=True)


def _rows(values: Tensor, shape: tuple[int, int]) -> Values:
    rows: Values = values.reshape(shape).cpu().numpy()
    return rows
