"""Noises: ways to damage a text, or the labels to learn from.

A noise is one decorated function in the file of its family, which is named here once. What its rate
counts, whether words stay in step and which languages it can change stand beside it.
"""

from mae_bench.data.noises import casing, homophones, natural, ocr, plain, punctuation, typos, words
from mae_bench.data.noises.base import NOISES, Noise, NoiseContext, add_noise, noise_of
from mae_bench.data.noises.tables import (
    ErrorTable,
    TableSource,
    build_table,
    load_table,
    table_fingerprint,
)

__all__ = [
    "NOISES",
    "ErrorTable",
    "Noise",
    "NoiseContext",
    "TableSource",
    "add_noise",
    "build_table",
    "casing",
    "homophones",
    "load_table",
    "natural",
    "noise_of",
    "ocr",
    "plain",
    "punctuation",
    "table_fingerprint",
    "typos",
    "words",
]
