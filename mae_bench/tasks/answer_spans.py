"""How the answers of span questions are learned: start and end, scored over a window's tokens.

A window's first token stands for "no answer here" (Devlin et al. 2019, arXiv:1810.04805, section
4.3). Legend: N examples, R windows, B batch, S longest window.
"""

from typing import TYPE_CHECKING, TypedDict, cast

import numpy as np

from mae_bench.tasks.base import Labels, Task
from mae_bench.tasks.kinds.base import objects
from mae_bench.tasks.learner import TokenLearner
from mae_bench.tasks.metrics import Values

if TYPE_CHECKING:
    from torch import Tensor

    from mae_bench.training.batching import TokenSet
    from mae_bench.training.windows import Windows

_PAIRS = 1 << 24  # of a start and an end that are scored at once


class Answer(TypedDict):
    """A label: the right answers, and the character of the context at which each starts."""

    text: list[str]
    answer_start: list[int]


class Answers(TokenLearner):
    """Two outputs a token, start and end, and cross-entropy over a window's tokens."""

    def __init__(self, task: Task, train: Labels, max_answer_length: int | None) -> None:
        """Read the longest answer, and whether any question has none."""
        super().__init__(task, num_outputs=2)
        longest = max((len(text) for label in train for text in label["text"]), default=1)
        self.max_characters = max_answer_length or longest
        self.can_be_none = any(not label["text"] for label in train)

    def losses_of_constant(self, targets: "Tensor", texts: "TokenSet") -> Values:
        """Return the loss of one score for every token of a context and another for no answer."""
        starts, _, firsts, lasts = targets.cpu().numpy().T
        is_none = starts == 0
        share = is_none.mean()
        with np.errstate(divide="ignore"):  # of a share of 0, which no row then has
            surprises: Values = np.where(
                is_none,
                -np.log(share),
                np.log(np.maximum(lasts - firsts + 1, 1)) - np.log1p(-share),
            )
        return surprises

    def encode(self, labels: Labels, texts: "TokenSet") -> "Tensor":
        """Return [R, 4] int64: first and last token of the answer, and of the context.

        They count from the window's start. The answer is the first of those that are right; a
        window that does not hold all of it has token 0 for both.
        """
        import torch

        windows = cast("Windows", texts)
        targets = np.zeros((len(windows), 4), dtype=np.int64)
        targets[:, 2] = windows.context_starts
        targets[:, 3] = windows.context_starts + windows.num_held - 1
        spans = [
            _tokens(label, offsets) for label, offsets in zip(labels, windows.offsets, strict=True)
        ]
        for row, owner in enumerate(windows.owners):
            first, last = spans[owner]
            begin = windows.first_tokens[row]
            if begin <= first <= last < begin + windows.num_held[row]:
                targets[row, :2] = np.array([first, last]) - begin + windows.context_starts[row]
        return torch.from_numpy(targets).to(texts.ids.device)

    def loss(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """Return the mean cross-entropy of starts and ends [B, S, 2]."""
        from torch.nn import functional

        scores = _masked(outputs, targets[:, 2], targets[:, 3], has_none=True)
        return functional.cross_entropy(scores, targets[:, :2])  # classes are tokens

    def decode(self, outputs: "Tensor", texts: "TokenSet") -> Values:
        """Return [N] texts: the best span of all windows, cut from the context.

        Empty where no answer scores higher, by the least such score of the windows, and the
        training labels have such questions; where the best span is a blank, which some tokenizers
        have a token for; and where the question has no window.
        """
        import torch

        from mae_bench.training.windows import characters_of

        windows = cast("Windows", texts)
        firsts = torch.from_numpy(windows.context_starts).to(outputs.device)
        lasts = firsts + torch.from_numpy(windows.num_held).to(outputs.device) - 1
        scores = _masked(outputs, firsts, lasts, has_none=False)
        characters = characters_of(windows)
        size = max(1, _PAIRS // outputs.shape[1] ** 2)
        parts = [
            _best_spans(scores[i : i + size], characters[i : i + size], self.max_characters)
            for i in range(0, len(scores), size)
        ]
        values, begins, ends = (torch.cat(each).cpu().numpy() for each in zip(*parts, strict=True))
        nones = outputs[:, 0].sum(dim=1).cpu().numpy()
        best = [("", -np.inf)] * len(windows.contexts)
        least_none = np.full(len(windows.contexts), np.inf)
        for row, owner in enumerate(windows.owners):
            least_none[owner] = min(least_none[owner], nones[row])
            if values[row] > best[owner][1]:
                text = windows.contexts[owner][begins[row] : ends[row]].strip()
                best[owner] = (text, values[row])
        return objects(
            "" if self.can_be_none and none > value else text
            for (text, value), none in zip(best, least_none, strict=True)
        )


def _tokens(label: Answer, offsets: Values) -> tuple[int, int]:
    """Return the first and last token of the first answer; (-1, -1) where there is none."""
    if not len(label["text"]) or not len(offsets):
        return -1, -1
    begin = label["answer_start"][0]
    end = begin + len(label["text"][0])
    first = int(np.searchsorted(offsets[:, 1], begin, side="right"))
    last = int(np.searchsorted(offsets[:, 0], end, side="left")) - 1
    return first, last


def _masked(outputs: "Tensor", firsts: "Tensor", lasts: "Tensor", *, has_none: bool) -> "Tensor":
    """Return outputs [B, S, 2], minus infinity outside the context and maybe token 0."""
    import torch

    places = torch.arange(outputs.shape[1], device=outputs.device)
    is_open = (places >= firsts[:, None]) & (places <= lasts[:, None])
    if has_none:
        is_open = is_open | (places == 0)
    return outputs.masked_fill(~is_open.unsqueeze(-1), -torch.inf)


def _best_spans(
    scores: "Tensor", characters: "Tensor", max_characters: int
) -> tuple["Tensor", "Tensor", "Tensor"]:
    """Return [B] the best sum of start and end, and the characters it begins and ends at."""
    import torch

    length = scores.shape[1]
    sums = scores[:, :, None, 0] + scores[:, None, :, 1]
    is_order = torch.ones(length, length, dtype=torch.bool, device=scores.device).triu()
    sizes = characters[:, None, :, 1] - characters[:, :, None, 0]
    sums = sums.masked_fill(~(is_order & (sizes <= max_characters)), -torch.inf)
    values, places = sums.flatten(1).max(dim=1)
    rows = torch.arange(len(scores), device=scores.device)
    begins, ends = places // length, places % length
    return values, characters[rows, begins, 0], characters[rows, ends, 1]
