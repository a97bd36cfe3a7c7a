"""How a checkpoint is evaluated: fine-tuning, probes, a look inside it, floors without one.

What to touch: a new protocol needs its module and its line here. A change that moves numbers
raises the version of its protocol; no protocol may read the test split before it has chosen.
"""

from mae_bench.protocols import (
    bm25,
    few_shot,
    finetune,
    floors,
    knn,
    learning_curve,
    linear_probe,
    ngram_floors,
    representation,
    score,
    tfidf_cosine,
    word_floor,
    word_probe,
    zero_shot,
)

__all__ = [
    "bm25",
    "few_shot",
    "finetune",
    "floors",
    "knn",
    "learning_curve",
    "linear_probe",
    "ngram_floors",
    "representation",
    "score",
    "tfidf_cosine",
    "word_floor",
    "word_probe",
    "zero_shot",
]
