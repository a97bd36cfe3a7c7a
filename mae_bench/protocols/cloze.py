"""Classes by a prompt with a gap: which label's words the objective's own head expects there.

A label's score is the mean log-probability of the tokens of its words, all of them hidden at once
(of one token its log-probability), so that long words are not punished for their length. Words
that predict each other are therefore scored as if they did not. The head is the one that the
objective trained, decoder and all: `mae_bench.pretraining.rebuild`.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mae_bench.draws import Block, Draws
from mae_bench.errors import SpecError
from mae_bench.masking import CLS_ID, NUM_SPECIAL, SEP_ID
from mae_bench.model.vocabulary import VocabularyHead
from mae_bench.pretraining.rebuild import rebuild_for_texts
from mae_bench.protocols.prompts import cloze_of
from mae_bench.specs import ZeroShotRecipe
from mae_bench.tasks.base import Examples, Task
from mae_bench.tasks.metrics import Values
from mae_bench.training.batching import check_length, load_tokenizer
from mae_bench.training.operations import OperationCount
from mae_bench.training.precision import autocast

ANY_RATIO = 0.15  # to build the objective with; each text names what it hides


class ClozeReader:
    """An objective with its head, and a task's prompt as token ids."""

    def __init__(self, checkpoint: Path, recipe: ZeroShotRecipe, task: Task, device: str) -> None:
        """Rebuild the objective and read the prompt.

        Raises:
            SpecError: there is no prompt, no head that predicts tokens, or a label's words hold a
                token that the tokenizer does not know.
        """
        cloze = cloze_of(task, recipe.clozes)
        objective = rebuild_for_texts(checkpoint, ANY_RATIO, recipe.max_length, device)
        if objective is None:
            raise SpecError(
                f"protocol 'zero_shot' reads task '{task.name}' by a prompt with a gap, and this "
                "checkpoint has no head that predicts hidden tokens; take an arm whose objective "
                "predicts tokens (mlm, mae), or the protocols finetune, linear_probe, knn, few_shot"
            )
        self.objective, self.task, self.device = objective, task, device
        self.recipe = recipe
        check_length(recipe.max_length, objective.backbone.config)
        self.operations = OperationCount(objective.backbone.config)
        self._tokenizer = load_tokenizer(checkpoint)
        self._pieces = [
            piece if piece in _GAPS else self._ids(piece) for piece in _pieces(cloze.prompt)
        ]
        self._words = [self._word(cloze.words[name]) for name in task.label_names]

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
        block = Block(torch.tensor([ids for ids, _ in rows], device=self.device))
        starts = torch.tensor([start for _, start in rows], device=self.device)
        hidden = starts[:, None] + torch.arange(width, device=self.device)
        row_ids = torch.arange(len(rows), device=self.device)
        draws = Draws(0, 0, row_ids, progress=1.0, hidden=hidden)
        objective = self.objective
        logits: list[Tensor] = []
        heads = [part for part in objective.modules() if isinstance(part, VocabularyHead)]
        hooks = [part.register_forward_hook(lambda *call: logits.append(call[2])) for part in heads]
        try:
            view = objective.corrupt(block, draws)
            with autocast(self.device, self.recipe.precision):
                output = objective(view)
        finally:
            for hook in hooks:
                hook.remove()
        self.operations.add_reading(view.input_ids.shape)
        wanted = len(rows) * width
        # the head's logits for the loss come first, those for the accuracy after them
        if output.predicted != wanted or sum(map(len, logits)) < wanted:
            raise SpecError(
                f"protocol 'zero_shot' cannot ask objective '{objective.name}' for the tokens in "
                f"the gap of a prompt, as task '{self.task.name}' needs: it predicts something "
                "else; take an arm that predicts hidden tokens, or another protocol"
            )
        expected = torch.cat(logits)[:wanted].float().log_softmax(dim=-1)
        return expected.view(len(rows), width, -1)

    def _row(self, texts: tuple[str, ...], word: list[int]) -> tuple[list[int], int]:
        """Return the ids of a prompt and where its gap starts; long texts are cut at their end."""
        fixed = sum(len(piece) for piece in self._pieces if isinstance(piece, list))
        room = max(self.recipe.max_length - 2 - fixed - len(word), 1) // len(texts)
        row, start = [CLS_ID], 0
        for piece in self._pieces:
            if piece == "{mask}":
                start = len(row)
                row += word
            elif isinstance(piece, str):
                row += self._ids(" " + texts[_GAPS[piece]].strip())[: max(room, 1)]
            else:
                row += piece
        return [*row, SEP_ID], start

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(
            text, add_special_tokens=False, split_special_tokens=True, verbose=False
        )["input_ids"]
        return ids

    def _word(self, text: str) -> list[int]:
        ids = self._ids(" " + text.strip())
        if not ids or min(ids) < NUM_SPECIAL:
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
