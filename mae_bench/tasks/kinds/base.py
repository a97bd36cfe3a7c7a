"""What a kind of task is: everything that differs between a class, a number, a list of tags.

A kind is a subclass of `TaskKind`. What a protocol calls beyond that is an interface of its own
(`FinetuneKind`, `LinearKind`): a kind fits the protocols whose interface it implements. Plans read
this room, so torch is imported inside the methods that need it.

Legend: N examples, B batch, S padded length of a batch, D hidden size.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from mae_bench.errors import DataError, SpecError
from mae_bench.plurals import counted
from mae_bench.registry import Registry
from mae_bench.tasks.base import TASKS, Examples, Labels, Task
from mae_bench.tasks.label_names import LabelNames
from mae_bench.tasks.learner import Learner as Learner
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.train_task import check_train_task

if TYPE_CHECKING:
    from mae_bench.specs import FinetuneRecipe
    from mae_bench.training.batching import TokenSet

Predict = Callable[[Any], Values]


class TaskKind(ABC):
    """What the labels of a task are: how they are read, kept and judged.

    Attributes:
        task: of this kind.
        num_texts: texts of an example: 1, or 2 that are read as two segments.
        allowed_texts: the numbers of texts that an example may have; ``num_texts`` alone, unless
            said otherwise.
        num_noisy: the first so many texts of an example get a study's noise; None for all.
        has_words: whether a text is a list of words with a label each, written by
            `mae_bench.data.words.join_words`; noise then acts inside words alone.
        default_metrics: of a user's own task that names none, the deciding one first.
        has_lists: whether its texts or labels are lists or mappings, which CSV cannot hold.
        has_options: whether a row has options to choose among, in columns of their own.
        kept_together: the text of which a user's file may have several rows that belong into one
            part, such as the context of several questions; None where each row stands alone.
        has_classes: whether labels are names of classes, or hold such names; those of a user's
            own data are then found there.
        needs_label: whether a user's own task must name a column with the label; of kinds that do
            not, all rows are a test.
        skipped: how many rows, or labels in them, `read_example` left out, by the reason.
    """

    num_texts: int = 1
    allowed_texts: ClassVar[tuple[int, ...]] = ()
    num_noisy: ClassVar[int | None] = None
    has_words: ClassVar[bool] = False
    default_metrics: ClassVar[tuple[str, ...]] = ()
    has_lists: ClassVar[bool] = False
    has_options: ClassVar[bool] = False
    kept_together: ClassVar[int | None] = None
    has_classes: ClassVar[bool] = False
    needs_label: ClassVar[bool] = True

    def __init__(self, task: Task) -> None:
        """Keep the task whose labels this kind reads and judges."""
        self.task = task
        self.skipped: Counter[str] = Counter()
        if (given := len(task.text_fields)) in self.allowed_texts:
            self.num_texts = given

    @cached_property
    def names(self) -> LabelNames:
        """The task's ``label_names``, to be looked up by name or place."""
        return LabelNames(self.task.label_names)

    def check(self) -> None:
        """Check that the task's definition is one of this kind.

        Raises:
            SpecError: it is not.
        """
        if len(self.task.text_fields) != self.num_texts:
            raise SpecError(
                f"task '{self.task.name}' of kind '{self.task.kind}' must have "
                f"{self._texts_in_words()}, got {len(self.task.text_fields)} "
                f"({', '.join(self.task.text_fields)}); name that many columns in text_fields, or "
                "give the task another kind"
            )
        if self.task.train_task:
            other = TASKS.get(self.task.train_task)
            check_train_task(self.task, shares_labels=self.shares_labels(other))

    @classmethod
    def usual_metrics(cls, label_names: Sequence[str], language: str) -> tuple[str, ...]:
        """Return the metrics of a user's own task that names none, the deciding one first."""
        return cls.default_metrics

    def shares_labels(self, other: Task) -> bool:
        """Whether what is learned from the labels of another task of this kind predicts these."""
        task = self.task
        return (task.label_names, task.label_range) == (other.label_names, other.label_range)

    def read_example(
        self, texts: Sequence[object], label: object, where: str
    ) -> tuple[tuple[str, ...], object] | None:
        """Return the texts and the label of a data set's row; None, counted, if it has no use.

        Args:
            texts: one for each of the task's ``columns``, as the data set holds them.
            label: as the data set holds it.
            where: row, split and task, for the message.

        Raises:
            DataError: something in it is not allowed; the message says what is.
        """
        fields = zip(self.task.text_fields, texts, strict=True)
        read = tuple(self.read_text(text, name, where) for name, text in fields)
        return read, self.read_label(label, where)

    def _texts_in_words(self) -> str:
        if not self.allowed_texts:
            return counted(self.num_texts, "text field")
        return f"{' or '.join(map(str, self.allowed_texts))} text fields"

    def read_text(self, value: Any, field: str, where: str) -> str:
        """Return a text of a data set's row.

        Args:
            value: as the data set holds it.
            field: its column.
            where: row, split and task, for the message.

        Raises:
            DataError: it is no text.
        """
        if not isinstance(value, str):
            raise DataError(f"column '{field}' of {where} must be text, got {value!r}")
        return value

    @abstractmethod
    def read_label(self, value: Any, where: str) -> Any:
        """Return the label of a data set's row, as a parquet column can hold it.

        Args:
            value: as the data set holds it.
            where: row, split and task, for the message.

        Raises:
            DataError: it is not allowed; the message says what is.
        """

    @abstractmethod
    def array(self, labels: Sequence[Any]) -> Labels:
        """Return labels [N] as `read_label` gives them, one element each (`objects`)."""

    @property
    @abstractmethod
    def described(self) -> int | str:
        """What `mae-bench list tasks` says of the labels: their number, or a word."""

    def groups(self, labels: Labels) -> Labels | None:
        """Return [N] the class of each label, so that small training sets hold every class.

        None where labels form no classes: a training set is then drawn evenly.
        """
        return None

    @abstractmethod
    def floor(self, train: Examples, examples: Examples) -> Values:
        """Return predictions [N] that read no text: the commonest label of ``train``, the mean."""

    def find_collapse(self, labels: Labels, predictions: Values) -> str:
        """Return what is wrong with predictions that follow no text, or nothing.

        By default: every example got the same prediction, though the labels differ.
        """
        is_constant = _are_the_same(predictions) and not _are_the_same(labels)
        return "constant prediction" if is_constant else ""


class FinetuneKind(TaskKind):
    """A kind that a head on an encoder can learn.

    Attributes:
        pools_text: whether its head is a `PooledHead` over the rows of the default `lay_out`, so
            that a recipe may say how texts are pooled and which part of a long one is read.
        weighs_classes: whether its `under` reads ``class_weights``.
        has_head: whether its head has weights, so that it can learn beside the encoder.
    """

    pools_text: ClassVar[bool] = False
    weighs_classes: ClassVar[bool] = False
    has_head: ClassVar[bool] = True

    @abstractmethod
    def learner(self, train: Examples) -> Learner:
        """Return how the labels of a training set are learned."""

    def under(self, recipe: "FinetuneRecipe") -> Self:
        """Return the kind with those options of a recipe that only some kinds read."""
        return self

    def lay_out(
        self, tokenizer: Any, examples: Examples, *, max_length: int, vocab_size: int, device: str
    ) -> "TokenSet":
        """Return examples as a model reads them; two texts as ``[CLS] a [SEP] b [SEP]``.

        A kind whose labels belong to words or tokens returns a subclass of `TokenSet` that holds
        their positions; `Learner.encode` and `decode` are given it.

        Args:
            tokenizer: beside the checkpoint.
            examples: N of them.
            max_length: tokens of an example, at most.
            vocab_size: of the encoder.
            device: of the ids.

        Raises:
            DataError: there is no text, or the tokenizer knows tokens that the encoder does not.
        """
        from mae_bench.training.batching import tokenize

        return tokenize(
            tokenizer, examples.texts, max_length=max_length, vocab_size=vocab_size, device=device
        )

    def lay_out_train(
        self, tokenizer: Any, examples: Examples, *, max_length: int, vocab_size: int, device: str
    ) -> "TokenSet":
        """Return examples as a model learns from them: by default as `lay_out` has them read."""
        return self.lay_out(
            tokenizer, examples, max_length=max_length, vocab_size=vocab_size, device=device
        )


class LinearKind(TaskKind):
    """A kind that a linear model on one vector of features an example can predict.

    Attributes:
        needs_cosine: whether TF-IDF features of a pair hold the cosine of its texts, too.
        fits_on_device: whether `fit_linear` takes `mae_bench.tasks.stacked.StackedFeatures`, too,
            and its models then take tensors, so that a GPU's features stay there. A kind that
            fits by means of its own says False.
    """

    needs_cosine: ClassVar[bool] = False
    fits_on_device: ClassVar[bool] = False

    @abstractmethod
    def fit_linear(
        self, features: Any, labels: Labels, penalties: Sequence[float], max_iter: int
    ) -> Iterable[tuple[Predict, bool]]:
        """Return a model for each inverse penalty C, and whether its solver converged.

        Args:
            features: [N, F], dense or sparse.
            labels: [N].
            penalties: ascending.
            max_iter: of an iterative solver.

        Raises:
            DataError: no model can be fitted to the labels, such as those of one class.
        """


KINDS: Registry[type[TaskKind]] = Registry("kind of task", "kinds")


def kind_of(task: Task) -> TaskKind:
    """Return an instance of a task's kind, for that task.

    Raises:
        UnknownNameError: no kind of that name is registered.
        SpecError: the kind lacks methods that every kind must have.
    """
    kind = KINDS.get(task.kind)
    if missing := sorted(kind.__abstractmethods__):
        raise SpecError(
            f"kind of task '{task.kind}' ({kind.__module__}.{kind.__qualname__}) lacks "
            f"{', '.join(missing)}; write what mae_bench.tasks.kinds.base says of each"
        )
    return kind(task)


def objects(values: Iterable[Any]) -> Labels:
    """Return [N] an array of one object a value, lists of one length among them."""
    listed = list(values)
    array = np.empty(len(listed), dtype=object)
    for index, value in enumerate(listed):  # `np.array` would make lists of one length a table
        array[index] = value
    return array


def _are_the_same(values: Values) -> bool:
    listed = values.tolist()
    return all(value == listed[0] for value in listed)
