"""Pretraining objectives: one file each. A new one needs its file and one line here."""

from mae_bench.objectives import (
    causal,
    contrastive,
    deshuffle,
    distill,
    first_char,
    mae,
    mae_bottleneck,
    mixture,
    mlm,
    phases,
    random_init,
    random_token_classification,
    rtd,
    simcse,
    span_denoise,
)

__all__ = [
    "causal",
    "contrastive",
    "deshuffle",
    "distill",
    "first_char",
    "mae",
    "mae_bottleneck",
    "mixture",
    "mlm",
    "phases",
    "random_init",
    "random_token_classification",
    "rtd",
    "simcse",
    "span_denoise",
]
