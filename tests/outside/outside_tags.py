"""A kind of task as a third party writes it, in one file: a tag for each word of a text.

Its labels are lists, one tag a word; a word's tag is read from the vector of its first token.
A test registers it by importing this file, once its registries are set apart.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from mae_bench.errors import DataError
from mae_bench.model.heads import build_linear
from mae_bench.tasks.kinds import KINDS, FinetuneKind, Learner, objects
from mae_bench.tasks.metrics import add_metric
from mae_bench.training.batching import TokenSet

NOWHERE = -100  # the target of tokens that start no word


@add_metric("their_tag_accuracy", better="higher")
def tag_accuracy(labels, predictions, num_classes):
    """Return the share of words with the right tag."""
    pairs = zip(chain(*labels), chain(*predictions), strict=True)
    return float(np.mean([label == tag for label, tag in pairs]))


@dataclass(frozen=True)
class Words(TokenSet):
    """Texts with the position of each word's first token; words that were cut off have none."""

    starts: list[list[int]]
    num_words: list[int]


@KINDS.register("their_tags")
class Tags(FinetuneKind):
    """Labels are lists of tags, each an index into ``label_names``."""

    @property
    def described(self):
        return f"{self.task.num_labels} tags a word"

    def read_text(self, value, field, where):
        return super().read_text(
            " ".join(value) if isinstance(value, list) else value, field, where
        )

    def read_label(self, value, where):
        if isinstance(value, list) and all(t in range(self.task.num_labels) for t in value):
            return [int(tag) for tag in value]
        raise DataError(f"label {value!r} of {where} must be a list of tags; mend that row")

    def array(self, labels):
        return objects(labels)

    def floor(self, train, examples):
        ((tag, _),) = Counter(tag for tags in train.labels for tag in tags).most_common(1)
        return objects([tag] * len(text.split()) for text in examples.texts[0])

    def find_collapse(self, labels, predictions):
        used, predicted = ({tag for tags in side for tag in tags} for side in (labels, predictions))
        return "constant prediction" if len(predicted) == 1 < len(used) else ""

    def lay_out(self, tokenizer, examples, *, max_length, vocab_size, device):
        words = [text.split() for text in examples.texts[0]]
        encoding = tokenizer(
            words, is_split_into_words=True, truncation=True, max_length=max_length
        )
        starts = []
        for row, known in enumerate(words):
            word_ids = encoding.word_ids(row)
            starts.append([word_ids.index(w) for w in range(len(known)) if w in word_ids])
        return Words.of(
            encoding["input_ids"],
            pad_id=tokenizer.pad_token_id,
            vocab_size=vocab_size,
            device=device,
            starts=starts,
            num_words=[len(known) for known in words],
        )

    def learner(self, train):
        return TagLearner(self.task, train)


class TagLearner(Learner):
    """One output a tag and token."""

    def __init__(self, task, train):
        self.task = task
        counts = Counter(tag for tags in train.labels for tag in tags)
        shares = torch.tensor([counts[tag] for tag in range(task.num_labels)]).float()
        surprises = -(shares / shares.sum()).log()
        self.constant_losses = torch.stack(
            [surprises[tags].mean() for tags in train.labels]
        ).numpy()

    def head(self, width, *, dropout, seed):
        return TagHead(width, self.task, dropout, seed)

    def output_shape(self, longest):
        return longest, self.task.num_labels

    def encode(self, labels, texts):
        targets = torch.full(texts.ids.shape, NOWHERE, dtype=torch.int64)
        for row, (tags, starts) in enumerate(zip(labels, texts.starts, strict=True)):
            targets[row, starts] = torch.tensor(tags[: len(starts)])
        return targets.to(texts.ids.device)

    def loss(self, outputs, targets):
        targets = targets[:, : outputs.shape[1]]
        return functional.cross_entropy(
            outputs.flatten(0, 1), targets.flatten(), ignore_index=NOWHERE
        )

    def decode(self, outputs, texts):
        best = outputs.argmax(dim=2).cpu()
        tags = []
        for row, (starts, count) in enumerate(zip(texts.starts, texts.num_words, strict=True)):
            read = best[row, starts].tolist()
            tags.append(read + [0] * (count - len(read)))
        return objects(tags)


class TagHead(nn.Module):
    """Dropout and a linear layer on every token."""

    def __init__(self, width, task, dropout, seed):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = build_linear(width, task.num_labels, part=f"task:{task.name}", seed=seed)

    def forward(self, hidden, is_pad):
        return self.linear(self.dropout(hidden)).float()
