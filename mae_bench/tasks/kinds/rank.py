"""Queries against candidates: which of a list of texts answers a text."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mae_bench.errors import DataError, SpecError
from mae_bench.plurals import counted
from mae_bench.tasks.base import Examples, Labels, Task
from mae_bench.tasks.kinds.base import KINDS, FinetuneKind, objects
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.rankings import nearest, ranked, rankings
from mae_bench.tasks.untrained import CandidateKind, Index, Vectors

if TYPE_CHECKING:
    from mae_bench.tasks.bi_encoder import InBatch
    from mae_bench.training.pairs import Pairs, Ranked

Relevant = dict[str, list[str]]


@KINDS.register("rank")
class Rank(CandidateKind, FinetuneKind):
    """Candidate texts are ranked for a query, the relevant ones first.

    Labels are the names of a query's relevant candidates, ``{"relevant": [...]}``.

    Where the task names its labels these are the candidates, with blanks for underscores, and a
    data set's row has the number or the name of its relevant one. Without label names a row has
    the relevant text, or a list of several, and the candidates are the distinct texts of its split;
    their names are digests, and a query's texts are itself and its relevant ones. Noise acts on
    queries alone.
    """

    num_noisy = 1
    has_head = False
    default_metrics = ("mrr_at_10", "recall_at_1", "recall_at_5", "recall_at_10", "ndcg_at_10")

    def check(self) -> None:
        """Check that one text is read, and that there is more than one candidate."""
        super().check()
        if len(self.task.label_names) == 1:
            raise SpecError(
                f"task '{self.task.name}' of kind '{self.task.kind}' has one candidate, so that "
                "there is nothing to rank; name at least two in label_names, or none where the "
                "candidates are the relevant texts of the data"
            )

    def shares_labels(self, other: Task) -> bool:
        """Whether the other has candidates by the same names, or texts like these."""
        return self.task.label_names == other.label_names

    def read_example(
        self, texts: Sequence[object], label: object, where: str
    ) -> tuple[tuple[str, ...], Relevant] | None:
        """Return the query, with its relevant texts where these are the candidates, and names."""
        read = [
            self.read_text(text, name, where)
            for name, text in zip(self.task.text_fields, texts, strict=True)
        ]
        names = self.read_label(label, where)
        if self.task.label_names:
            return tuple(read), names
        return (*read, *dict.fromkeys(map(str, _listed(label)))), names

    def read_label(self, value: object, where: str) -> Relevant:
        """Return the names of the relevant candidates."""
        listed = _listed(value)
        if not listed:
            raise DataError(
                f"column '{self.task.label_field}' of {where} has an empty list of relevant "
                "candidates; give each query at least one, or leave its row out"
            )
        if self.task.label_names:
            return {"relevant": list(dict.fromkeys(self._name(each, where) for each in listed))}
        texts = [text for text in listed if isinstance(text, str) and text.strip()]
        for text in listed:
            if text not in texts:
                raise DataError(
                    f"a relevant candidate in column '{self.task.label_field}' of {where} must be "
                    f"text with a sign in it, got {text!r}; fix it, or leave its row out"
                )
        return {"relevant": list(dict.fromkeys(map(candidate_name, texts)))}

    def _name(self, value: object, where: str) -> str:
        names = self.task.label_names
        if (place := self.names.place(value)) is not None:
            return names[place]
        raise DataError(
            f"label {value!r} in column '{self.task.label_field}' of {where} is none of the "
            f"{len(names)} candidates; give a number from 0 to {len(names) - 1}, or a name such as "
            f"'{names[0]}'"
        )

    def array(self, labels: Sequence[object]) -> Labels:
        """Return objects: lists of names under ``relevant``."""
        return objects(labels)

    @property
    def described(self) -> str:
        """That they are candidates."""
        return f"{self.task.num_labels} candidates" if self.task.label_names else "a text"

    def groups(self, labels: Labels) -> Labels | None:
        """Return the first relevant candidate of each where all are named by the task."""
        if not self.task.label_names:
            return None
        return np.array([self.task.label_names.index(label["relevant"][0]) for label in labels])

    def candidates(self, examples: Examples) -> dict[str, str]:
        """Return the candidates of a split: name -> text.

        Raises:
            DataError: there are fewer than two.
        """
        if self.task.label_names:
            return {name: name.replace("_", " ") for name in self.task.label_names}
        texts = dict.fromkeys(text for row in relevant_texts(examples) for text in row)
        if len(texts) < 2:
            raise DataError(
                f"task '{self.task.name}' has {counted(len(texts), 'candidate')} in this split, so "
                "that there is nothing to rank; give it queries with different relevant texts"
            )
        return {candidate_name(text): text for text in texts}

    def floor(self, train: Examples, examples: Examples) -> Values:
        """Return for every query the candidates by how often they are relevant in ``train``."""
        counts = Counter(name for label in train.labels for name in label["relevant"])
        names = list(self.candidates(examples))
        scores = np.array([[counts[name] for name in names]], dtype=np.float64)
        (ranking,) = rankings(scores, names)
        return objects([ranking] * len(examples))

    def compared_texts(self, examples: Examples) -> list[str]:
        """Return queries and candidates."""
        return [*examples.texts[0], *self.candidates(examples).values()]

    def by_cosine(self, examples: Examples, vectors: Vectors) -> Values:
        """Return the candidates by the cosine of their vector and the query's."""
        candidates = self.candidates(examples)
        columns = vectors(list(candidates.values()))
        return objects(nearest(vectors(examples.texts[0]), columns, list(candidates)))

    def by_scores(self, examples: Examples, index: Index) -> Values:
        """Return the candidates by their scores."""
        candidates = self.candidates(examples)
        score = index(list(candidates.values()))
        return objects(ranked(examples.texts[0], score, list(candidates)))

    def learner(self, train: Examples) -> "InBatch":
        """Return a bi-encoder's way to learn."""
        from mae_bench.tasks.bi_encoder import InBatch

        return InBatch(len(train))

    def lay_out(
        self, tokenizer: Any, examples: Examples, *, max_length: int, vocab_size: int, device: str
    ) -> "Ranked":
        """Return the queries and, after them, every candidate once."""
        from mae_bench.training.pairs import lay_out_ranked

        return lay_out_ranked(
            tokenizer,
            *self._asked(examples),
            max_length=max_length,
            vocab_size=vocab_size,
            device=device,
        )

    def lay_out_train(
        self, tokenizer: Any, examples: Examples, *, max_length: int, vocab_size: int, device: str
    ) -> "Pairs":
        """Return each query with each of its relevant candidates."""
        from mae_bench.training.pairs import lay_out_pairs

        return lay_out_pairs(
            tokenizer,
            *self._asked(examples),
            max_length=max_length,
            vocab_size=vocab_size,
            device=device,
        )

    def _asked(self, examples: Examples) -> tuple[Sequence[str], list[list[str]], dict[str, str]]:
        """Return queries, the names of the relevant candidates of each, and all candidates."""
        relevant = [label["relevant"] for label in examples.labels]
        return examples.texts[0], relevant, self.candidates(examples)


def candidate_name(text: str) -> str:
    """Return what a candidate is called in labels and predictions: a digest of its text."""
    return hashlib.blake2b(text.strip().encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def relevant_texts(examples: Examples) -> list[tuple[str, ...]]:
    """Return the relevant texts of each query, where they are candidates."""
    counts = examples.num_texts
    rows = zip(*examples.texts[1:], strict=True) if len(examples.texts) > 1 else ()
    return [row if counts is None else row[: counts[at] - 1] for at, row in enumerate(rows)]


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    if isinstance(value, dict):
        return _listed(value.get("relevant"))
    return list(value) if isinstance(value, list | tuple) else [value]
