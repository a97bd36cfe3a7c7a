"""The part of a text that answers a question, or none: exact match and F1 of words.

Start and end of the answer are scored over the tokens of the context; a window's first token
stands for "no answer here" (Devlin et al. 2019, arXiv:1810.04805, section 4.3). Differs from the
paper in that windows without an answer are all trained on, and that the longest answer is counted
in characters. Legend: N examples, R windows, S longest window.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypedDict, cast

import numpy as np

from mae_bench.errors import DataError, SpecError
from mae_bench.tasks.base import Examples, Labels, Task
from mae_bench.tasks.kinds.base import KINDS, FinetuneKind, objects
from mae_bench.tasks.learner import TokenLearner
from mae_bench.tasks.metrics import Values

if TYPE_CHECKING:
    from torch import Tensor

    from mae_bench.specs import FinetuneRecipe
    from mae_bench.training.batching import TokenSet
    from mae_bench.training.windows import Windows

BAD_OFFSET = "answers that are not in their context at answer_start"
TOO_LONG = "questions longer than the window"
_PAIRS = 1 << 24  # of a start and an end that are scored at once


class Answer(TypedDict):
    """A label: the right answers, and the character of the context at which each starts."""

    text: list[str]
    answer_start: list[int]


@KINDS.register("span")
class Span(FinetuneKind):
    """A question is answered by a part of its context, or has no answer there.

    Labels are the right answers, ``{"text": [...], "answer_start": [...]}``, one for each person
    who answered; none where there is no answer, for which an empty text is predicted. The texts
    are question and context. Noise falls on the question alone: in another context the answers
    would be others (NoiseQA, Ravichander et al. 2021, arXiv:2102.08345).
    """

    num_texts = 2
    num_noisy = 1
    has_lists = True
    kept_together = 1
    stride_ratio = 0.5
    max_answer_length: int | None = None

    @classmethod
    def usual_metrics(cls, label_names: Sequence[str], language: str) -> tuple[str, ...]:
        """Return those of SQuAD, or of CMRC for Chinese."""
        is_chinese = language == "zh"
        return ("cmrc_f1", "cmrc_exact_match") if is_chinese else ("answer_f1", "exact_match")

    def check(self) -> None:
        """Check that question and context are read and no classes are named."""
        super().check()
        if self.task.label_names:
            raise SpecError(
                f"task '{self.task.name}' of kind '{self.task.kind}' has answers for labels and no "
                f"label_names, got {', '.join(self.task.label_names)}; drop them, or give the task "
                "another kind"
            )

    def shares_labels(self, other: Task) -> bool:
        """Whether the other has answers, too: any may be learned from."""
        return True

    def read_example(
        self, texts: Sequence[object], label: object, where: str
    ) -> tuple[tuple[str, ...], Answer] | None:
        """Return question, context and answers, without those that are not where they say.

        A row whose answers all are not has no use.
        """
        fields = zip(self.task.text_fields, texts, strict=True)
        question, context = (self.read_text(text, name, where) for name, text in fields)
        answers = self.read_label(label, where)
        pairs = list(zip(answers["text"], answers["answer_start"], strict=True))
        kept = [(text, at) for text, at in pairs if context[at : at + len(text)] == text]
        if len(kept) < len(pairs):
            self.skipped[BAD_OFFSET] += len(pairs) - len(kept)
            if not kept:
                return None
        return (question, context), _answers([t for t, _ in kept], [at for _, at in kept])

    def read_label(self, value: object, where: str) -> Answer:
        """Return the answers and where they start."""
        given = value if isinstance(value, Mapping) else {}
        texts, starts = given.get("text"), given.get("answer_start")
        if isinstance(texts, list) and isinstance(starts, list):
            are_texts = all(isinstance(text, str) and text.strip() for text in texts)
            are_starts = all(isinstance(at, int) and at >= 0 for at in starts)
            if len(texts) == len(starts) and are_texts and are_starts:
                return _answers(texts, starts)
        raise DataError(
            f"label {value!r} in column '{self.task.label_field}' of {where} is not allowed; "
            "allowed: {'text': [...], 'answer_start': [...]}, two lists of one length: answers, "
            "and the character of the context at which each starts; both empty for no answer"
        )

    def array(self, labels: Sequence[Answer]) -> Labels:
        """Return objects."""
        return objects(labels)

    @property
    def described(self) -> str:
        """That they are parts of a text."""
        return "a part of the text"

    def groups(self, labels: Labels) -> Labels:
        """Return whether there is an answer, so that small training sets hold both."""
        return np.array([len(label["text"]) > 0 for label in labels])

    def floor(self, train: Examples, examples: Examples) -> Values:
        """Return the commonest answer of ``train``, which may be none; of several the first."""
        counts = Counter(text for label in train.labels for text in set(label["text"]) or {""})
        commonest = min(counts, key=lambda text: (-counts[text], text))
        return objects([commonest] * len(examples))

    def under(self, recipe: "FinetuneRecipe") -> Self:
        """Return the kind with the recipe's windows and longest answer."""
        other = type(self)(self.task)
        other.stride_ratio = recipe.stride_ratio
        other.max_answer_length = recipe.max_answer_length
        return other

    def learner(self, train: Examples) -> "Answers":
        """Return starts and ends for cross-entropy."""
        return Answers(self.task, train.labels, self.max_answer_length)

    def lay_out(
        self, tokenizer: Any, examples: Examples, *, max_length: int, vocab_size: int, device: str
    ) -> "TokenSet":
        """Return windows over the contexts; a question that is too long has none, and is counted.

        Raises:
            DataError: no question fits into a window.
            SpecError: the tokenizer gives no offsets.
        """
        from mae_bench.training.windows import lay_out_windows

        windows, num_too_long = lay_out_windows(
            tokenizer,
            *examples.texts,
            max_length=max_length,
            stride_ratio=self.stride_ratio,
            vocab_size=vocab_size,
            device=device,
        )
        if num_too_long:
            self.skipped[TOO_LONG] += num_too_long
        return windows


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
        training labels have such questions; and where the question has no window.
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


def _answers(texts: list[str], starts: list[int]) -> Answer:
    return {"text": texts, "answer_start": [int(at) for at in starts]}


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
