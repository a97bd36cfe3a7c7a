"""Definitions of tasks: which data set, which columns, which metrics; a file for each family.

What to touch: a task of a known kind is one `add_published` (or `add_task`) in its family's file; a
new family is a file that is named here once.
"""

from mae_bench.tasks.definitions import (
    choices,
    classification,
    glue,
    inference,
    intents,
    language,
    minimal_pairs,
    multilabel,
    questions,
    retrieval,
    sentiment,
    similarity,
    slots,
    tagging,
    topics,
    world,
)

__all__ = [
    "choices",
    "classification",
    "glue",
    "inference",
    "intents",
    "language",
    "minimal_pairs",
    "multilabel",
    "questions",
    "retrieval",
    "sentiment",
    "similarity",
    "slots",
    "tagging",
    "topics",
    "world",
]
