"""Text: sources, corpora, tokenizers, rows of token ids, noise, and the generated world."""
