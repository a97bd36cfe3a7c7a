"""Reads text: sources, corpora, tokenizers, rows of token ids, noise, the generated language.

What to touch: a corpus or a noise is one registration. What turns text into tokens moves all
numbers: raise the version of its stage. Only `sources` and `encoders` use the network.
"""
