"""The part of a text that answers a question, or none: exact match and F1 of words.

Start and end of the answer are scored over the tokens of the context; a window's first token
stands for "no answer here" (Devlin et al. 2019, arXiv:1810.04805, section 4.3). Differs from the
paper in that windows without an answer are all trained on, and that the longest answer is counted
in characters. Legend: N examples, R windows, S longest window.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from mae_bench.errors import DataError, SpecError
from mae_bench.tasks.answer_spans import Answer, Answers
from mae_bench.tasks.base import Examples, Labels, Task
from mae_bench.tasks.kinds.base import KINDS, FinetuneKind, objects
from mae_bench.tasks.metrics import Values

if TYPE_CHECKING:
    from mae_bench.specs import FinetuneRecipe
    from mae_bench.training.batching import TokenSet

BAD_OFFSET = "answers that are not in their context at answer_start"
TOO_LONG = "questions longer than the window"


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

    def learner(self, train: Examples) -> Answers:
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


def _answers(texts: list[str], starts: list[int]) -> Answer:
    return {"text": texts, "answer_start": [int(at) for at in starts]}
