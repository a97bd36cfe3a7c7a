"""When a pretraining that guesses tokens leaves the plateau of their frequencies.

A model that has learnt how often each token occurs, and nothing of the text around it, has a loss
of the entropy of single tokens; a lower one where the token itself may stand in the place that it
predicts. Many runs stay there for a while; some never leave.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

LEFT_SHARE = 0.95  # of what the place alone tells: below, a run has left the plateau
MAX_START = 1.15  # of the loss of a blind guess: losses that start higher count something else
_WINDOW = 5  # points of a curve whose median is read


def place_entropy(frequencies: NDArray[np.integer], places: tuple[float, float, float]) -> float:
    """Return the loss that is left to a model that reads only the place whose token it predicts.

    With 80-10-10 a token that is seen there is the right one half of the time, more often if it is
    a frequent one: copying it lowers the loss by about 8% of the entropy of single tokens, and
    needs no context.

    Args:
        frequencies: [V] counts of the tokens of a text.
        places: shares of predicted places in which no token of the text is seen, a random one
            (of V, each alike), and the token itself.

    Returns:
        Nats a token; the entropy of single tokens where the token itself is never seen.
    """
    share = frequencies / frequencies.sum()
    hidden, random, kept = places
    alone = float(entr(share).sum())
    if not kept:
        return alone
    num_tokens = len(share)
    kept, at_random = kept / (random + kept), random / (random + kept) / num_tokens
    both = entr(share * (kept + at_random)).sum()  # seen and predicted are the same token
    both += (num_tokens - 1) * entr(share * at_random).sum()
    seen = entr(share * kept + at_random).sum()
    return hidden * alone + (1 - hidden) * float(both - seen)


def is_in_nats_a_token(
    loss: Sequence[float], entropy: float | None, vocab_size: int | None
) -> bool:
    """Whether a curve starts near a blind guess over the vocabulary.

    Losses of vectors, of a teacher's distribution, or of sums of parts start elsewhere, and the
    entropy of single tokens is no landmark for them; nor is that of a place alone (`entropy`).
    """
    if not entropy or not vocab_size or not loss:
        return False
    return entropy <= loss[0] <= MAX_START * math.log(vocab_size)


def tokens_at_leaving(
    tokens: Sequence[float], loss: Sequence[float], entropy: float
) -> float | None:
    """Return the tokens seen where a curve leaves the entropy of what it predicts for good.

    That is the first point from which the median of five points is below 95% of the entropy at
    every later point, too; None where there is no such point.

    Args:
        tokens: [P] seen at each point.
        loss: [P] in nats a token.
        entropy: nats a token that are left without the text around, see `place_entropy`.
    """
    half, left = _WINDOW // 2, None
    for index in range(len(loss)):
        window = sorted(loss[max(0, index - half) : index + half + 1])
        median = window[len(window) // 2]
        is_below = median < LEFT_SHARE * entropy  # of a NaN, it is not
        if not is_below:
            left = None
        elif left is None:
            left = float(tokens[index])
    return left
