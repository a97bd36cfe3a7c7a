"""The randomness of dropout in a fine-tune."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional

from mae_bench.seeding import seed_for


@contextmanager
def seeded_dropout(task: str, seed: int, device: str) -> Iterator[None]:
    """Seed torch's global generator, which dropout draws from, and put it back afterwards."""
    is_cuda = torch.device(device).type == "cuda"
    devices = [torch.device(device)] if is_cuda else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed_for("finetune_dropout", task=task, seed=seed))
        yield


class DropoutStream:
    """The dropout of one fine-tune, drawn apart from it: what `seeded_dropout` would give it."""

    def __init__(self, task: str, seed: int, device: str) -> None:
        """Stand where the fine-tune's first draw does."""
        self.device = device
        with seeded_dropout(task, seed, device):
            self._state = self._generator_state()

    def noise(self, shape: Sequence[int], ratio: float) -> Tensor:
        """Return the next factors of a dropout at that ratio: 0, or what makes up for zeros."""
        ones = torch.ones(*shape, device=self.device)
        if not ratio:
            return ones
        is_cuda = torch.device(self.device).type == "cuda"
        with torch.random.fork_rng(devices=[torch.device(self.device)] if is_cuda else []):
            if is_cuda:
                torch.cuda.set_rng_state(self._state, self.device)
            else:
                torch.set_rng_state(self._state)
            noise = functional.dropout(ones, ratio)
            self._state = self._generator_state()
        return noise

    def _generator_state(self) -> Tensor:
        if torch.device(self.device).type == "cuda":
            return torch.cuda.get_rng_state(self.device)
        return torch.get_rng_state()
