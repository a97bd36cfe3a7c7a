"""Which of 2 to 10 options is right: one score each, a softmax over an example's options.

As by Radford et al. (2018) and Devlin et al. (2019, arXiv:1810.04805, section 4.4): each option is
read with the context and the question, ``[CLS] context [SEP] question option [SEP]``, and a head
scores the pooled vector. Legend: N examples, B batch, K most options of the examples.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mae_bench.errors import DataError, SpecError
from mae_bench.plurals import counted
from mae_bench.tasks.base import Examples, Labels, Task
from mae_bench.tasks.kinds.base import KINDS, FinetuneKind
from mae_bench.tasks.learner import PooledLearner
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.train_task import check_train_task

if TYPE_CHECKING:
    from torch import Tensor

    from mae_bench.training.batching import TokenSet
    from mae_bench.training.options import Options

MIN_OPTIONS, MAX_OPTIONS = 2, 10
RIGHT_TWICE = "examples whose right option stands there twice"
_HOW = " in columns that the task names as those of its options, or as last lines 'A: ...'"
_LETTERED = re.compile(r"^\s*([A-J])\s*[:.)]\s*(\S.*?)\s*$")


@KINDS.register("choice")
class Choice(FinetuneKind):
    """One of up to ten options, the right one, is chosen for a context and a question.

    Labels are the places of the right options, int64, from 0.

    A data set's row names its right option as ``label_names`` says, in the order of the options;
    without names by its own text, or by place. Options stand in the columns ``option_fields``, one
    an option (null where there is none) or lists; without such columns in the last lines of the
    text, ``A: ...``, ``B: ...``. The first text field is the context, the others are the question.
    An example's texts are then context, question (either may be empty) and its options.
    """

    num_texts = 2
    default_metrics = ("accuracy",)
    has_options = True
    kept_together = 0

    def check(self) -> None:
        """Check that there are options to read and not more names of labels than of options."""
        if self.task.train_task:
            check_train_task(self.task, shares_labels=True)
        if not self.task.columns:
            raise SpecError(
                f"task '{self.task.name}' of kind '{self.task.kind}' names no column; give the "
                "columns of the options in option_fields, or of a text that ends with them in "
                "text_fields"
            )
        if len(self.task.label_names) > MAX_OPTIONS:
            raise SpecError(
                f"task '{self.task.name}' of kind '{self.task.kind}' has at most {MAX_OPTIONS} "
                f"options, got {len(self.task.label_names)} label_names; drop some, or make it a "
                "task of kind 'classify'"
            )

    def shares_labels(self, other: Task) -> bool:
        """Whether the other has options, too: any may be learned from."""
        return True

    def read_example(
        self, texts: Sequence[object], label: object, where: str
    ) -> tuple[tuple[str, ...], int] | None:
        """Return context, question and options, and the place of the right one.

        An example whose right option stands there twice has no use: both would be right. Wrong
        options may repeat one another, as they do in published sets.
        """
        names = self.task.text_fields
        read = [self.read_text(text, name, where) for name, text in zip(names, texts, strict=False)]
        if self.task.option_fields:
            options = self._options(texts[len(names) :], where)
        else:
            read[-1], options = _lettered(read[-1])
        if not MIN_OPTIONS <= len(options) <= MAX_OPTIONS:
            raise DataError(
                f"{where} has {counted(len(options), 'option')}; give {MIN_OPTIONS} to "
                f"{MAX_OPTIONS} options" + ("" if self.task.option_fields else _HOW)
            )
        right = self._number(label, options, where)
        if options.count(options[right]) > 1:
            self.skipped[RIGHT_TWICE] += 1
            return None
        context, question = (read[0] if read else ""), " ".join(read[1:])
        return (context, question, *options), right

    def read_text(self, value: object, field: str, where: str) -> str:
        """Return a text; a list of its parts becomes lines."""
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            value = "\n".join(map(str, value))
        return super().read_text(value, field, where)

    def read_label(self, value: object, where: str) -> int:
        """Return a place among as many options as there may be."""
        return self._number(value, [""] * MAX_OPTIONS, where)

    def _options(self, cells: Sequence[object], where: str) -> list[str]:
        options: list[object] = []
        for cell in cells:
            options += cell if isinstance(cell, list) else [] if cell is None else [cell]
        for option in options:
            if not isinstance(option, str) or not option.strip():
                fields = ", ".join(self.task.option_fields)
                raise DataError(
                    f"an option in {fields} of {where} must be text with a sign in it, got "
                    f"{option!r}; leave out what is no option"
                )
        return [str(option).strip() for option in options]

    def _number(self, value: object, options: list[str], where: str) -> int:
        names = self.task.label_names
        number = -1
        if names:
            number = names.index(str(value)) if str(value) in names else -1
        elif isinstance(value, int):
            number = value
        elif isinstance(value, str) and value.strip() in options:
            number = options.index(value.strip())
        elif isinstance(value, str) and value.strip().isdecimal():  # as CSV holds a place
            number = int(value)
        if 0 <= number < len(options):
            return number
        allowed = names[: len(options)] or [f"0 to {len(options) - 1}", *map(repr, options)]
        raise DataError(
            f"label {value!r} in column '{self.task.label_field}' of {where} is none of its "
            f"{len(options)} options; allowed: {', '.join(allowed)}"
        )

    def array(self, labels: Sequence[int]) -> Labels:
        """Return int64 places."""
        return np.asarray(labels, dtype=np.int64)

    @property
    def described(self) -> str:
        """That they are options."""
        return "one of the options"

    def groups(self, labels: Labels) -> Labels:
        """Return the labels: small training sets hold every place."""
        return labels

    def floor(self, train: Examples, examples: Examples) -> Values:
        """Return the place that is commonest in ``train`` among as many as the example has."""
        shares = np.bincount(train.labels, minlength=MAX_OPTIONS)
        return np.array([int(shares[:count].argmax()) for count in _counts(examples)])

    def learner(self, train: Examples) -> "Places":
        """Return the places for cross-entropy."""
        return Places(self.task, train)

    def lay_out(
        self, tokenizer: Any, examples: Examples, *, max_length: int, vocab_size: int, device: str
    ) -> "TokenSet":
        """Return each option with the context and the question, an example's options together.

        Where no example has a context, a question and its option stand alone.
        """
        from mae_bench.training.batching import tokenize
        from mae_bench.training.options import group
        from mae_bench.training.token_roles import pad_id

        contexts, questions, *options = examples.texts
        counts = _counts(examples)
        before, ends = [], []
        for row, count in enumerate(counts):
            before += [contexts[row]] * count
            ends += [f"{questions[row]} {column[row]}".strip() for column in options[:count]]
        columns = (before, ends) if any(contexts) else (ends,)
        texts = tokenize(
            tokenizer, columns, max_length=max_length, vocab_size=vocab_size, device=device
        )
        return group(texts, counts, pad_id(tokenizer, vocab_size))


class Places(PooledLearner):
    """One output for the text of an option, and cross-entropy over those of an example."""

    def __init__(self, task: Task, train: Examples) -> None:
        """Read the shares of the places in the training labels, by the number of options."""
        super().__init__(task, num_outputs=1)
        counts = _counts(train)
        self.constant_losses = np.zeros(len(train))
        for count in np.unique(counts):
            is_of = counts == count
            places = train.labels[is_of]
            shares = np.bincount(places) / len(places)
            self.constant_losses[is_of] = -np.log(shares[places])

    def output_shape(self, longest: int) -> tuple[int, ...]:
        """Return one output for each of as many options as there may be."""
        return MAX_OPTIONS, self.num_outputs

    def encode(self, labels: Labels, texts: "TokenSet") -> "Tensor":
        """Return [N, 2] int64: the right place, and the number of options."""
        import torch

        pairs = np.stack([labels, cast("Options", texts).counts], axis=1)
        return torch.from_numpy(pairs).to(texts.ids.device)

    def loss(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """Return the mean cross-entropy of outputs [B, K, 1]."""
        from torch.nn import functional

        return functional.cross_entropy(_masked(outputs, targets[:, 1]), targets[:, 0])

    def decode(self, outputs: "Tensor", texts: "TokenSet") -> Values:
        """Return the place of the highest output."""
        import torch

        counts = torch.from_numpy(cast("Options", texts).counts).to(outputs.device)
        places: Values = _masked(outputs, counts).argmax(dim=1).cpu().numpy()
        return places


def _counts(examples: Examples) -> Values:
    """Return [N] the number of options."""
    if examples.num_texts is None:
        return np.full(len(examples), len(examples.texts) - Choice.num_texts)
    counts: Values = examples.num_texts - Choice.num_texts
    return counts


def _lettered(text: str) -> tuple[str, list[str]]:
    """Return a text without the lines of its options, and these, from A on."""
    lines = text.rstrip().split("\n")
    options: list[str] = []
    for line in reversed(lines):
        match = _LETTERED.match(line)
        if match is None:
            break
        options.insert(0, match[2])
        if match[1] == "A":
            break
    return "\n".join(lines[: len(lines) - len(options)]), options


def _masked(outputs: "Tensor", counts: "Tensor") -> "Tensor":
    """Return scores [B, K], minus infinity where an example has no such option."""
    import torch

    places = torch.arange(outputs.shape[1], device=outputs.device)
    return outputs[..., 0].masked_fill(places >= counts[:, None], -torch.inf)
