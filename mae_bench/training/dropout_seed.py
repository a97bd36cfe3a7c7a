"""The randomness of dropout in a fine-tune."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from mae_bench.seeding import seed_for


@contextmanager
def seeded_dropout(task: str, seed: int, device: str) -> Iterator[None]:
    """Seed torch's global generator, which dropout draws from, and put it back afterwards."""
    is_cuda = torch.device(device).type == "cuda"
    devices = [torch.device(device)] if is_cuda else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed_for("finetune_dropout", task=task, seed=seed))
        yield
