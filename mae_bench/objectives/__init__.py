"""Pretraining objectives, one file each.

What to touch: a new objective needs its file and its line here. No objective imports another;
what several share stands in `base`, `parts`, `targets` or `views`.
"""

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
