"""Kinds of task: what a label is, how a model learns it, and how predictions are judged.

A kind is one file, registered by its module, which is named here once. Nothing outside this room
asks which kind a task is of.
"""

from mae_bench.tasks.kinds import (
    choice,
    classify,
    detect,
    language_model,
    minimal_pair,
    multilabel,
    pair,
    rank,
    regress,
    span,
    tag,
)
from mae_bench.tasks.kinds.base import (
    KINDS,
    FinetuneKind,
    Learner,
    LinearKind,
    TaskKind,
    kind_of,
    objects,
)

__all__ = [
    "KINDS",
    "FinetuneKind",
    "Learner",
    "LinearKind",
    "TaskKind",
    "choice",
    "classify",
    "detect",
    "kind_of",
    "language_model",
    "minimal_pair",
    "multilabel",
    "objects",
    "pair",
    "rank",
    "regress",
    "span",
    "tag",
]
