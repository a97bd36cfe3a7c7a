"""One tag a word: spans such as names (IOB2), or parts of speech.

A word's tag is read from the vector of its first token (Devlin et al. 2019, arXiv:1810.04805).
Legend: N examples, B batch, S padded length, C tags, W words of a text.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from mae_bench.data.words import END, join_words, split_words
from mae_bench.errors import DataError, SpecError
from mae_bench.plurals import counted
from mae_bench.tasks.base import Examples, Labels, Task
from mae_bench.tasks.kinds.base import KINDS, Predict, objects
from mae_bench.tasks.learner import TokenLearner
from mae_bench.tasks.logistic import fit_logistic
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.tag_schemes import OUTSIDE, are_spans, as_iob2, iob2_names
from mae_bench.tasks.word_kind import WordKind, WordVectors

if TYPE_CHECKING:
    from torch import Tensor

    from mae_bench.training.batching import TokenSet
    from mae_bench.training.word_tokens import WordTokens

IGNORED = -100  # the target of tokens that start no word


@KINDS.register("tag")
class Tag(WordKind):
    """Each word of a text gets one tag, such as a part of speech or a part of a name.

    Labels are lists of tags, one a word, as texts; spans in whatever scheme become IOB2.

    A data set holds the words as a list of texts, and the tags as a list of names or of places in
    ``label_names``, which are in the data set's own scheme (IOB1, IOB2, IOBES, BILOU or BMES).
    """

    has_classes = True
    has_lists = True
    fits_on_device = True

    @classmethod
    def usual_metrics(cls, label_names: Sequence[str], language: str) -> tuple[str, ...]:
        """Return F1 of spans where tags write spans, else the accuracy of words."""
        return ("span_f1", "word_accuracy") if are_spans(label_names) else ("word_accuracy",)

    def check(self) -> None:
        """Check that tags are named once each, and are spans where spans are scored."""
        super().check()
        names = self.task.label_names
        if len(set(names)) < max(2, len(names)):
            raise SpecError(
                f"task '{self.task.name}' of kind '{self.task.kind}' must name at least two "
                f"different tags in label_names, got {', '.join(names) or 'none'}; name each once"
            )
        scores = [name for name in self.task.metrics if name.startswith("span_")]
        if scores and not are_spans(names):
            odd = next(name for name in names if name != OUTSIDE and not are_spans([name]))
            raise SpecError(
                f"task '{self.task.name}' is scored by {scores[0]}, but '{odd}' in label_names "
                "writes no span; write 'O' and 'B-TYPE', 'I-TYPE', or score by word_accuracy"
            )

    @property
    def tags(self) -> tuple[str, ...]:
        """What a word can be labelled: IOB2 where tags are spans, else ``label_names``."""
        names = self.task.label_names
        return iob2_names(names) if are_spans(names) else names

    @property
    def described(self) -> str:
        """How many tags there are."""
        return f"{len(self.tags)} tags a word"

    def read_text(self, value: Any, field: str, where: str) -> str:
        """Return a row's words as one text, by `join_words`."""
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise DataError(
                f"column '{field}' of {where} must be a list of words, got {value!r:.80}; split "
                "the text into the words that are labelled"
            )
        for number, word in enumerate(value):
            if END in word:
                raise DataError(
                    f"word {number} in column '{field}' of {where} holds a line break, got "
                    f"{word!r:.80}; words may hold anything but that, write a blank"
                )
        return join_words(value)

    def read_label(self, value: Any, where: str) -> list[str]:
        """Return a row's tags, spans as IOB2."""
        if not isinstance(value, list):
            raise DataError(
                f"label {value!r:.80} in column '{self.task.label_field}' of {where} must be a "
                "list of tags, one a word"
            )
        names = self.task.label_names
        tags = [self._name(tag, number, where) for number, tag in enumerate(value)]
        return as_iob2(tags) if are_spans(names) else tags

    def _name(self, tag: Any, number: int, where: str) -> str:
        place = self.names.place(tag)
        if place is None:
            raise DataError(
                f"tag {tag!r} of word {number} in column '{self.task.label_field}' of {where} is "
                f"not allowed; {self.names.allowed(tag)}"
            )
        return self.task.label_names[place]

    def read_example(
        self, texts: Sequence[object], label: object, where: str
    ) -> tuple[tuple[str, ...], list[str]]:
        """Return the words as one text, and as many tags."""
        words = self.read_text(texts[0], self.task.text_fields[0], where)
        tags = self.read_label(label, where)
        num_words = len(split_words(words))
        if num_words != len(tags):
            raise DataError(
                f"{where} has {counted(num_words, 'word')} and {counted(len(tags), 'tag')}; "
                "every word needs one tag: mend or drop that row"
            )
        return (words,), tags

    def array(self, labels: Sequence[Any]) -> Labels:
        """Return lists of tags; those that are equal are one object, for a set has a million."""
        same = {tag: tag for tag in self.tags}
        return objects([same.get(tag, tag) for tag in tags] for tags in labels)

    def unread(self, train: Labels) -> str:
        """Return ``O`` where there is one, else the commonest tag of training labels."""
        return OUTSIDE if OUTSIDE in self.tags else self._commonest(train)

    def _commonest(self, train: Labels) -> str:
        counts = Counter(chain(*train))
        return max(self.tags, key=lambda tag: counts[tag])

    def floor(self, train: Examples, examples: Examples) -> Values:
        """Return the commonest tag of ``train`` for every word."""
        tag = self._commonest(train.labels)
        return objects([tag] * len(split_words(text)) for text in examples.texts[0])

    def find_collapse(self, labels: Labels, predictions: Values) -> str:
        """Return "constant prediction" where every word got the same tag, though tags differ."""
        used, predicted = (set(chain(*side)) for side in (labels, predictions))
        return "constant prediction" if len(predicted) == 1 < len(used) else ""

    def lay_out(
        self, tokenizer: Any, examples: Examples, *, max_length: int, vocab_size: int, device: str
    ) -> "WordTokens":
        """Return examples as a model reads them, each word tokenised alone."""
        from mae_bench.training.word_tokens import tokenize_words

        return tokenize_words(
            tokenizer,
            [split_words(text) for text in examples.texts[0]],
            max_length=max_length,
            vocab_size=vocab_size,
            device=device,
        )

    def learner(self, train: Examples) -> "Tags":
        """Return the tags for cross-entropy."""
        return Tags(self.task, self.tags, train.labels, self.unread(train.labels))

    def fit_linear(
        self, features: WordVectors, labels: Labels, penalties: Sequence[float], max_iter: int
    ) -> Iterator[tuple[Predict, bool]]:
        """Yield logistic regressions on the vectors of words.

        Raises:
            DataError: the words have the same tag, all of them.
        """
        wanted = np.array(list(chain(*labels)), dtype=object)
        wanted = wanted[np.concatenate(features.is_read)].astype(str)
        if len(set(wanted)) < 2:
            raise DataError(
                f"the {counted(len(labels), 'training example')} of task '{self.task.name}' have "
                f"fewer than two tags on {counted(len(wanted), 'word')} that can be read; a "
                "classifier needs two: raise the train size"
            )
        unread = self.unread(labels)
        for predict, is_converged in fit_logistic(features.vectors, wanted, penalties, max_iter):
            yield _by_example(predict, unread), is_converged


def _by_example(predict: Predict, unread: str) -> Predict:
    """Return a model of words as one of examples."""

    def predict_examples(features: WordVectors) -> Values:
        is_read = np.concatenate([*features.is_read, np.empty(0, dtype=np.bool_)])
        tags = np.full(len(is_read), unread, dtype=object)
        if is_read.any():
            tags[is_read] = predict(features.vectors)
        ends = np.cumsum([len(each) for each in features.is_read])
        return objects(part.tolist() for part in np.split(tags, ends[:-1]))

    return predict_examples


class Tags(TokenLearner):
    """One output a tag and token, and cross-entropy of the tokens that start a word.

    Every word weighs the same in training, whatever the batch it is in: the loss of an example is
    the sum over its words, in units of the words that a training example has on average.
    """

    def __init__(self, task: Task, tags: Sequence[str], train: Labels, unread: str) -> None:
        """Read the shares of the tags in the training labels."""
        super().__init__(task, len(tags))
        self.tags = tags
        self._number = {tag: number for number, tag in enumerate(tags)}
        self._unread = unread
        counts = Counter(chain(*train))
        num_words = max(sum(counts.values()), 1)
        self._words_each = num_words / len(train)
        surprises = {tag: -np.log(count / num_words) for tag, count in counts.items()}
        sums = [sum(surprises[tag] for tag in tags_of_text) for tags_of_text in train]
        self.constant_losses = np.array(sums) / self._words_each

    def encode(self, labels: Labels, texts: "TokenSet") -> "Tensor":
        """Return [N, S] int64 tags at the first tokens of words; `IGNORED` at all others."""
        import torch

        targets = np.full(tuple(texts.ids.shape), IGNORED, dtype=np.int64)
        for row, (tags, first) in enumerate(zip(labels, _first_tokens(texts), strict=True)):
            numbers = np.array([self._number[tag] for tag in tags], dtype=np.int64)
            targets[row, first[first >= 0]] = numbers[first >= 0]
        return torch.from_numpy(targets).to(texts.ids.device)

    def loss(self, outputs: "Tensor", targets: "Tensor") -> "Tensor":
        """Return the mean loss of examples: outputs [B, S, C], targets padded to any length."""
        from torch.nn import functional

        total = functional.cross_entropy(
            outputs.flatten(0, 1),
            targets[:, : outputs.shape[1]].flatten(),
            ignore_index=IGNORED,
            reduction="sum",
        )
        return total / (len(outputs) * self._words_each)

    def decode(self, outputs: "Tensor", texts: "TokenSet") -> Values:
        """Return the tag of the highest output at each word's first token."""
        best = outputs.argmax(dim=2).cpu().numpy()
        tags = np.array([*self.tags, self._unread], dtype=object)
        return objects(
            tags[np.where(first >= 0, row[first], len(self.tags))].tolist()
            for row, first in zip(best, _first_tokens(texts), strict=True)
        )


def _first_tokens(texts: "TokenSet") -> "Sequence[Values]":
    from mae_bench.training.word_tokens import WordTokens

    assert isinstance(texts, WordTokens)  # of `Tag.lay_out`
    return texts.first_tokens
