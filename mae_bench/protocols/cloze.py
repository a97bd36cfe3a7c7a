"""Classes by a prompt with a gap: which label's words the objective's own head expects there.

A label's score is the mean log-probability of the tokens of its words, all of them hidden at once
(of one token its log-probability), so that long words are not punished for their length. Words
that predict each other are therefore scored as if they did not. The head is the one that the
objective trained, decoder and all, or an outside encoder's own: `mae_bench.protocols.token_heads`.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mae_bench.errors import SpecError
from mae_bench.protocols.prompts import cloze_of
from mae_bench.protocols.token_heads import open_head
from mae_bench.specs import ZeroShotRecipe
from mae_bench.tasks.base import Examples, Task
from mae_bench.tasks.metrics import Values


class ClozeReader:
    """A head that fills gaps, and a task's prompt as token ids.

    Attributes:
        head: that is asked.
    """

    def __init__(self, checkpoint: Path, recipe: ZeroShotRecipe, task: Task, device: str) -> None:
        """Open the head and read the prompt.

        Raises:
            SpecError: there is no prompt, no head that predicts tokens, a label's words hold a
                token that the tokenizer does not know, or the prompt leaves no room for a text.
        """
        cloze = cloze_of(task, recipe.clozes)
        head = open_head(
            checkpoint, precision=recipe.precision, device=device, max_length=recipe.max_length
        )
        if head is None or head.is_left_to_right:
            raise SpecError(
                f"protocol 'zero_shot' reads task '{task.name}' by a prompt with a gap, and this "
                "checkpoint has no head that predicts hidden tokens; take an arm whose objective "
                "predicts tokens (mlm, mae), an encoder that was saved with such a head "
                "(...ForMaskedLM), or the protocols finetune, linear_probe, knn, few_shot"
            )
        self.head, self.task, self.device = head, task, device
        self.recipe = recipe
        self._pieces = [
            piece if piece in _GAPS else self._ids(piece) for piece in _pieces(cloze.prompt)
        ]
        self._words = [self._word(cloze.words[name]) for name in task.label_names]
        self._check_room()

    def predict(self, examples: Examples) -> Values:
        """Return [N] the class whose words fit the gap best; of equal ones the first."""
        classes: Values = self.scores(examples).argmax(axis=1)
        return classes

    @torch.inference_mode()
    def scores(self, examples: Examples) -> Values:
        """Return [N, C] the mean log-probability of each label's words in the gap."""
        scores = np.zeros((len(examples), len(self._words)))
        for width in sorted({len(word) for word in self._words}):
            labels = [at for at, word in enumerate(self._words) if len(word) == width]
            words = torch.tensor([self._words[at] for at in labels], device=self.device)
            filler = self._words[labels[0]]  # hidden, so that any word of the width is as good
            rows = [self._row(texts, filler) for texts in zip(*examples.texts, strict=True)]
            for batch in self._batches(rows):
                expected = self._expected([rows[at] for at in batch], width)
                at_words = expected[:, torch.arange(width), words]  # [B, labels, width]
                scores[np.ix_(batch, labels)] = at_words.mean(dim=2).double().cpu().numpy()
        return scores

    def _batches(self, rows: list[tuple[list[int], int]]) -> Iterator[list[int]]:
        """Yield rows of one length together, so that none is padded and all hide one share."""
        by_length: dict[int, list[int]] = defaultdict(list)
        for at, (ids, _) in enumerate(rows):
            by_length[len(ids)].append(at)
        size = self.recipe.batch_size
        for same in by_length.values():
            yield from (same[start : start + size] for start in range(0, len(same), size))

    def _expected(self, rows: list[tuple[list[int], int]], width: int) -> Tensor:
        """Return [B, width, V] log-probabilities of the tokens in the gaps."""
        ids = torch.tensor([row for row, _ in rows], device=self.device)
        starts = torch.tensor([start for _, start in rows], device=self.device)
        hidden = starts[:, None] + torch.arange(width, device=self.device)
        expected = self.head.logits(ids, hidden).log_softmax(dim=-1)
        return expected.view(len(rows), width, -1)

    def _row(self, texts: tuple[str, ...], word: list[int]) -> tuple[list[int], int]:
        """Return the ids of a prompt and where its gap starts; long texts are cut at their end."""
        room = self._room(len(word)) // len(texts)
        row, start = [*self.head.before], 0
        for piece in self._pieces:
            if piece == "{mask}":
                start = len(row)
                row += word
            elif isinstance(piece, str):
                row += self._ids(" " + texts[_GAPS[piece]].strip())[:room]
            else:
                row += piece
        return [*row, *self.head.after], start

    def _room(self, width: int) -> int:
        """Return the tokens that are left for texts where the gap has a width."""
        fixed = sum(len(piece) for piece in self._pieces if isinstance(piece, list))
        return self.recipe.max_length - self.head.num_framing - fixed - width

    def _check_room(self) -> None:
        """Refuse a prompt beside which no token of a text has a place: it is never cut."""
        room, widest = self._room(max(map(len, self._words))), max(map(len, self._words))
        if room < len(self.task.text_fields):
            raise SpecError(
                f"the prompt of task '{self.task.name}' takes {self.recipe.max_length - room} "
                f"tokens with its longest words ({widest}), and max_length "
                f"{self.recipe.max_length} leaves no token for a text; shorten the prompt in "
                "recipes.zero_shot.clozes, or raise recipes.zero_shot.max_length"
            )

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.head.tokenizer(
            text, add_special_tokens=False, split_special_tokens=True, verbose=False
        )["input_ids"]
        return ids

    def _word(self, text: str) -> list[int]:
        ids = self._ids(" " + text.strip())
        if not ids or self.head.tokenizer.unk_token_id in ids:
            raise SpecError(
                f"the words '{text}' of task '{self.task.name}' are not in the vocabulary of this "
                "checkpoint's tokenizer; choose others in recipes.zero_shot.clozes"
            )
        return ids


_GAPS = {"{text}": 0, "{text_b}": 1, "{mask}": -1}


def _pieces(prompt: str) -> list[str]:
    """Return a prompt's gaps and the texts between them, without the blanks before a gap.

    A blank belongs to the word after it, as byte-level tokenizers have it.
    """
    pieces = [prompt]
    for gap in _GAPS:
        pieces = [part for piece in pieces for part in _split(piece, gap)]
    return [piece if piece in _GAPS else piece.rstrip() for piece in pieces if piece.strip()]


def _split(piece: str, gap: str) -> list[str]:
    before, gap_there, after = piece.partition(gap)
    return [before, gap_there, after] if gap_there else [piece]
