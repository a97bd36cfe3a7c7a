"""Where the parts beside an encoder start: each from a random stream of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from mae_bench.model.generators import kept_generators
from mae_bench.seeding import seed_for


@contextmanager
def own_start(seed: int, part: str) -> Iterator[None]:
    """Draw weights by (seed, part) inside, and leave torch's global generator as it was.

    A part then starts from the same weights whatever was made before it: a vocabulary head is the
    same beside a decoder and without one.
    """
    with kept_generators():
        torch.manual_seed(seed_for("head", seed=seed, part=part))
        yield
