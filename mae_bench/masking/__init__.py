"""Chooses which tokens an objective hides, how many, and what stands in their place.

What to touch: a scheme is one decorated function in `tokens` or `units`. The counts of `hidden`
are exact, and every objective relies on them.
"""

from mae_bench.masking import tokens, units
from mae_bench.masking.hidden import (
    CLS_ID,
    MASK_ID,
    NUM_SPECIAL,
    PAD_ID,
    RANDOM,
    SEP_ID,
    Hidden,
    as_block,
    as_hidden,
    check_masking,
    hide,
    least_hiding,
    num_hidden,
    replace,
)
from mae_bench.masking.lexicon import Lexicon, build_lexicon
from mae_bench.masking.ratios import MaskRatio, RatioSchedule, extremes, mean_flops, ratio_at
from mae_bench.masking.schemes import MASKINGS, Masking

__all__ = [
    "CLS_ID",
    "MASKINGS",
    "MASK_ID",
    "NUM_SPECIAL",
    "PAD_ID",
    "RANDOM",
    "SEP_ID",
    "Hidden",
    "Lexicon",
    "MaskRatio",
    "Masking",
    "RatioSchedule",
    "as_block",
    "as_hidden",
    "build_lexicon",
    "check_masking",
    "extremes",
    "hide",
    "least_hiding",
    "mean_flops",
    "num_hidden",
    "ratio_at",
    "replace",
    "tokens",
    "units",
]
