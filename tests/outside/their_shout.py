"""A noise as a third party writes it, in one file: some words are shouted."""

from mae_bench.data.noise import NOISES


@NOISES.register("their_shout")
def their_shout(text, rate, rng):
    """Return the text with a share of its words in capitals."""
    return " ".join(word.upper() if rng.random() < rate else word for word in text.split(" "))
