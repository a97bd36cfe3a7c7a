"""Pretraining objectives: one file each. A new one needs its file and one line here."""

from mae_bench.objectives import (
    contrastive,
    deshuffle,
    distill,
    first_char,
    mae,
    mlm,
    random_init,
    random_token_classification,
    simcse,
)

__all__ = [
    "contrastive",
    "deshuffle",
    "distill",
    "first_char",
    "mae",
    "mlm",
    "random_init",
    "random_token_classification",
    "simcse",
]
