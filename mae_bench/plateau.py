"""When a pretraining that guesses tokens leaves the plateau of their frequencies.

A model that has learnt how often each token occurs, and nothing of the text around it, has a loss
of the entropy of single tokens. Many runs stay there for a while; some never leave.
"""

import math
from collections.abc import Sequence

LEFT_SHARE = 0.95  # of the entropy of single tokens: below, a run has left the plateau
MAX_START = 1.15  # of the loss of a blind guess: losses that start higher count something else
_WINDOW = 5  # points of a curve whose median is read


def is_in_nats_a_token(
    loss: Sequence[float], unigram_entropy: float | None, vocab_size: int | None
) -> bool:
    """Whether a curve starts near a blind guess over the vocabulary.

    Losses of vectors, of a teacher's distribution, or of sums of parts start elsewhere, and the
    entropy of single tokens is no landmark for them.
    """
    if not unigram_entropy or not vocab_size or not loss:
        return False
    return unigram_entropy <= loss[0] <= MAX_START * math.log(vocab_size)


def tokens_at_leaving(
    tokens: Sequence[float], loss: Sequence[float], unigram_entropy: float
) -> float | None:
    """Return the tokens seen where a curve leaves the entropy of single tokens for good.

    That is the first point from which the median of five points is below 95% of the entropy at
    every later point, too; None where there is no such point.

    Args:
        tokens: [P] seen at each point.
        loss: [P] in nats a token.
        unigram_entropy: nats a token of the training rows.
    """
    half, left = _WINDOW // 2, None
    for index in range(len(loss)):
        window = sorted(loss[max(0, index - half) : index + half + 1])
        median = window[len(window) // 2]
        is_below = median < LEFT_SHARE * unigram_entropy  # of a NaN, it is not
        if not is_below:
            left = None
        elif left is None:
            left = float(tokens[index])
    return left
