"""Torch's global generators, put back after something else has drawn from them."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def kept_generators() -> Iterator[None]:
    """Put the generators of the CPU and of every card back at the end.

    The cards are named, since torch warns of several that are not.
    """
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        yield
