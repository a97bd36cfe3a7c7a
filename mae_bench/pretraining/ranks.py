"""The processes that share one training, a device each: ranks.

Every rank holds the whole model, or a shard of it (`ShardedRanks`), takes its share of the rows
of each batch, and makes the same step from the gradient of them all. `Ranks` is a training by one
process.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Protocol, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from mae_bench.errors import RankError, SpecError
from mae_bench.model.attention import to_device
from mae_bench.objectives.base import Objective
from mae_bench.specs import PretrainRecipe

BUCKET_NUMBERS = 1 << 24  # of gradients that are sent together, 64 MB of them
SILENCE_S = 60.0  # after an error: how long the word of other ranks is waited for
POLL_S = 0.05
FOREVER = timedelta(days=365)  # ranks wait for one another as long as evaluations take

Made = TypeVar("Made")


class Store(Protocol):
    """What torch's stores of keys and values have in common, as far as it is used here."""

    def set(self, key: str, value: str) -> None:
        """Keep a value for all ranks."""

    def get(self, key: str) -> bytes:
        """Return a value that is there."""

    def check(self, keys: list[str]) -> bool:
        """Whether all of these keys have a value."""


class Ranks:
    """A training by this process alone.

    Attributes:
        number: of this rank; 0 alone writes anything.
        size: how many there are.
        parallel: how they share the work; empty where there is one.
    """

    number, size, parallel = 0, 1, ""
    has_shards = False

    def place(self, objective: Objective, device: str) -> Objective:
        """Return an objective on its device."""
        return to_device(objective, device)

    def inside(self, work: Callable[[], Made]) -> Made:
        """Return what ``work`` makes of the objective's whole weights, in a training step."""
        return work()

    def examine(self, work: Callable[[], Made]) -> Made:
        """Return what ``work`` makes of the objective's whole weights, without a gradient."""
        return work()

    def seconds(self, seconds: float) -> float:
        """Return the seconds that the first rank has measured."""
        return seconds

    def agree(self, is_so: bool) -> bool:
        """Return what the first rank says."""
        return is_so

    def own_work(self, work: Path) -> Path:
        """Return a folder that no other rank writes to."""
        return work

    @contextmanager
    def together(self) -> Iterator[None]:
        """Leave the block only where all ranks do, in the same way."""
        yield


ALONE = Ranks()


class DataParallel(Ranks):
    """Ranks that hold the whole model each.

    `torch.nn.parallel.DistributedDataParallel` is not used: it wraps a module's one forward pass
    and takes the mean over ranks, where objectives have parts, teachers and averages of weights
    that are read beside that pass, and ranks are weighed by what they predict. What it would add is
    sending gradients while others are still computed.

    Args:
        store: of the rendezvous, by which ranks that are lost in an error still hear each other.
        group: of the ranks, on the devices of the training.
        name: of the training, among those that share the store.
    """

    parallel = "ddp"

    def __init__(self, store: Store, group: dist.ProcessGroup, name: str) -> None:
        self.store, self.group, self.name = store, group, name
        self.control = _world()
        self.number, self.size = dist.get_rank(), dist.get_world_size()

    def check(self, recipe: PretrainRecipe) -> None:
        """Raise SpecError unless every rank gets as many rows of a batch."""
        if recipe.batch_rows % self.size:
            raise SpecError(
                f"pretrain.batch_rows {recipe.batch_rows} cannot be shared evenly by {self.size} "
                "ranks; start as many ranks as divide it"
            )

    @torch.no_grad()
    def place(self, objective: Objective, device: str) -> Objective:
        """Return an objective on its device, with the weights that the first rank drew."""
        placed = to_device(objective, device)
        for value in _each_once(placed):
            dist.broadcast(value, 0, group=self.group)
        return placed

    def reduce(self, parameters: Sequence[nn.Parameter], predicted: int, loss: Tensor) -> int:
        """Make gradients, weighed sums of each rank, the mean over what all ranks predicted.

        Args:
            parameters: whose gradients stand in ``grad``, or None where none reached them.
            predicted: on this rank.
            loss: [] weighed sum of this rank, made the mean of all in place.

        Returns:
            What all ranks predicted.
        """
        told = torch.tensor([predicted, *(p.grad is not None for p in parameters)])
        dist.all_reduce(told, group=self.control)
        total, *with_gradient = told.tolist()
        if not total:
            return 0
        reached = [p for p, number in zip(parameters, with_gradient, strict=True) if number]
        for parameter in reached:
            if parameter.grad is None:  # of rows too short to hide a token of
                parameter.grad = torch.zeros_like(parameter)
        self._add([p.grad for p in reached if p.grad is not None])
        dist.all_reduce(loss, group=self.group)
        _divide(reached, loss, total)
        return int(total)

    def _add(self, gradients: Sequence[Tensor]) -> None:
        """Add up gradients over ranks, in place."""
        sent = []
        for bucket in _buckets(gradients):
            flat = torch.cat([gradient.reshape(-1) for gradient in bucket])
            sent.append((bucket, flat, dist.all_reduce(flat, group=self.group, async_op=True)))
        for bucket, flat, work in sent:
            assert work is not None
            work.wait()
            parts = flat.split([gradient.numel() for gradient in bucket])
            own = [part.view_as(old) for part, old in zip(parts, bucket, strict=True)]
            torch._foreach_copy_(list(bucket), own)

    def seconds(self, seconds: float) -> float:
        """Return the seconds that the first rank has measured."""
        told = torch.tensor(seconds, dtype=torch.float64)
        dist.broadcast(told, 0, group=self.control)
        return float(told)

    def agree(self, is_so: bool) -> bool:
        """Return what the first rank says."""
        return bool(self.seconds(float(is_so)))

    def own_work(self, work: Path) -> Path:
        """Return a folder that no other rank writes to."""
        return work / f"rank-{self.number}" if self.number else work

    @contextmanager
    def together(self) -> Iterator[None]:
        """Leave the block only where all ranks do, in the same way.

        Raises:
            RankError: some rank met an error that others did not; no rank can go on then.
        """
        try:
            yield
        except Exception as error:
            ends = self._ends(f"{type(error).__name__}: {error}", SILENCE_S)
            if len(set(ends)) == 1 and not isinstance(error, RuntimeError):
                raise  # that of the training, and of every rank; none of torch or of the network
            raise RankError(_told(ends)) from error
        ends = self._ends("", FOREVER.total_seconds())
        if any(ends):
            raise RankError(_told(ends))

    def _ends(self, own: str, patience_s: float) -> list[str]:
        """Say how this rank has ended; return how each has, as far as it says so in time."""
        keys = [f"{self.name}/end/{number}" for number in range(self.size)]
        self.store.set(keys[self.number], own or " ")
        until = time.monotonic() + patience_s
        while not self.store.check(keys) and time.monotonic() < until:
            time.sleep(POLL_S)
        said = [self.store.get(key).decode() if self.store.check([key]) else None for key in keys]
        return ["no word of it" if end is None else end.strip() for end in said]


class ShardedRanks(DataParallel):
    """Ranks that hold a shard of every weight, gradient and moment each: FSDP2.

    A layer of an encoder is made whole while it is read, what lies beside the layers (embeddings,
    heads, decoders) for the whole step.
    """

    parallel = "fsdp"
    has_shards = True
    root: nn.Module

    def check(self, recipe: PretrainRecipe) -> None:
        """Raise SpecError also for an optimizer that needs whole matrices."""
        super().check(recipe)
        if recipe.optimizer == "muon":
            raise SpecError(
                "pretrain.optimizer muon needs whole matrices, which fsdp keeps in shards; use "
                "--parallel ddp or adamw"
            )

    def place(self, objective: Objective, device: str) -> Objective:
        """Return an objective in shards; no device ever holds all of its layers at once."""
        from mae_bench.pretraining.sharded import shard

        self.root = shard(to_device(objective, device, moves=False), self.group, device)
        return objective

    def inside(self, work: Callable[[], Made]) -> Made:
        """Return what ``work`` makes of the objective's whole weights, in a training step."""
        made: Made = self.root(work)
        return made

    def examine(self, work: Callable[[], Made]) -> Made:
        """Return what ``work`` makes of the objective's whole weights, without a gradient."""
        try:
            return self.inside(work)
        finally:
            self.root.reshard()  # type: ignore[operator]

    def reduce(self, parameters: Sequence[nn.Parameter], predicted: int, loss: Tensor) -> int:
        """Make gradients, which the backward pass has added up, a mean."""
        told = torch.tensor(predicted)
        dist.all_reduce(told, group=self.control)
        if total := int(told):
            dist.all_reduce(loss, group=self.group)
            _divide(parameters, loss, total)
        return total


def _divide(parameters: Sequence[nn.Parameter], loss: Tensor, total: int) -> None:
    torch._foreach_div_([p.grad for p in parameters if p.grad is not None], total)
    loss /= total


def _world() -> dist.ProcessGroup:
    world = dist.group.WORLD
    assert world is not None
    return world


def _each_once(module: nn.Module) -> Iterator[Tensor]:
    """Yield the weights and buffers of a module."""
    yield from (parameter.data for parameter in module.parameters())
    yield from module.buffers()


def _buckets(tensors: Sequence[Tensor]) -> Iterator[Sequence[Tensor]]:
    """Yield consecutive tensors of as many numbers as are sent together, at least one tensor."""
    bucket: list[Tensor] = []
    for tensor in tensors:
        if bucket and sum(t.numel() for t in bucket) + tensor.numel() > BUCKET_NUMBERS:
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket


def _told(ends: Sequence[str]) -> str:
    said = "; ".join(f"rank {number}: {end or 'well'}" for number, end in enumerate(ends))
    return (
        f"the ranks of a training did not come to the same end ({said}); mend the cause and start "
        "the same command again, which goes on from the last saved state"
    )
