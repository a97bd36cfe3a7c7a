"""A training step that is recorded once and replayed, without work of the host in between.

All shapes are the same at every step: filling stays among what is predicted, without a say in the
loss (`View.keeps_filling`). Losses agree with those of `Step` but for rounding.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from mae_bench.errors import MaeBenchError, first_line
from mae_bench.objectives.base import LossOutput, View
from mae_bench.objectives.view_tensors import mapped, tensors, with_filling
from mae_bench.pretraining.step import Part, Step

WARM_UP_STEPS = 3  # run one by one before a recording: libraries choose their kernels in them

Key = tuple[object, ...]


class Recorder(Protocol):
    """What records work and replays it.

    Attributes:
        keeps_tensors: whether a replay writes to the tensors that the recorded work made.
    """

    keeps_tensors: bool

    def warm_up(self, work: Callable[[], None]) -> None:
        """Do the work where it will be recorded."""

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Return what does the work again, without having done it."""


class CudaGraphs:
    """CUDA graphs that share their memory: one runs at a time."""

    keeps_tensors = True

    def __init__(self) -> None:
        self.pool, self.stream = torch.cuda.graph_pool_handle(), torch.cuda.Stream()

    def warm_up(self, work: Callable[[], None]) -> None:
        """Do the work on the stream of recordings."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            work()
        torch.cuda.current_stream().wait_stream(self.stream)

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Return the replay of a graph."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(
            graph, pool=self.pool, stream=self.stream, capture_error_mode="thread_local"
        ):
            work()
        return graph.replay


class Plain:
    """No recording: the work is done again each time, as a compiled one is on a CPU."""

    keeps_tensors = False

    def warm_up(self, work: Callable[[], None]) -> None:
        """Do the work."""
        work()

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Return the work."""
        return work


@dataclass(frozen=True)
class Recording:
    """A step that can be replayed.

    Attributes:
        replay: does it again, on what `views` and the device's step number then hold.
        views: that it reads, or None where it makes them itself.
        gradients: where it leaves those of the trained parameters; None where it sets them itself.
    """

    replay: Callable[[], None]
    views: Sequence[View] | None
    gradients: Sequence[Tensor | None] | None


class RecordedStep:
    """Steps of one program: what changes from step to step lies in tensors that never move.

    A step whose `corrupt` follows the progress of training is corrupted before, and recorded for
    each shape of what that gives. What may predict nothing at all is left to `Step`.

    Args:
        step: that it stands for, and falls back to, once and for all, where recording fails.
        how: ``graph`` or ``inductor``.
        forward: of the objective, compiled or not.
        recorder: of the device.
    """

    def __init__(
        self,
        step: Step,
        how: str,
        forward: Callable[[View], LossOutput],
        recorder: Recorder,
    ) -> None:
        self.step, self.how, self.forward, self.recorder = step, how, forward, recorder
        self.number = torch.zeros((), dtype=torch.int64, device=step.device)
        self.recordings: dict[Key, Recording] = {}
        self.warm: dict[Key, int] = {}
        self.has_failed = False
        # torch's Muon reads its rate on the host, so its update is not recorded
        self.updates_inside = isinstance(step.optimizer, torch.optim.AdamW)
        if self.updates_inside and recorder.keeps_tensors:
            for group in step.optimizer.param_groups:
                group["lr"] = torch.tensor(group["lr"], device=step.device)
                group["capturable"] = step.device.startswith("cuda")

    def __call__(self, number: int, progress: float) -> bool:
        """Take a step; return whether a token was predicted."""
        step = self.step
        if self.has_failed or not step.batches.is_surely_taught(number):
            return step(number, progress)
        try:
            self._take(number, progress)
        except MaeBenchError:
            raise
        except Exception as error:
            self._fall_back(first_line(error))
        else:
            return True
        return step(number, progress)

    def _take(self, number: int, progress: float) -> None:
        step = self.step
        epoch, index = step.batches.at(number)
        self.number.fill_(number)
        step.sow(number)
        views: list[View] | None = None
        if step.requires.follows_progress:
            views = [with_filling(step.view(epoch, rows, progress)) for rows in step.split(index)]
        key = _key(views)
        if key not in self.recordings:
            if self.warm.get(key, 0) < WARM_UP_STEPS:
                self.warm[key] = self.warm.get(key, 0) + 1
                self.recorder.warm_up(lambda: self._warm_up(number, progress))
                return
            self.recordings[key] = self._record(views)
        recording = self.recordings[key]
        if views is not None and recording.views is not None:
            for own, view in zip(recording.views, views, strict=True):
                given = tensors(view)
                for name, value in tensors(own).items():
                    value.copy_(given[name])
        recording.replay()
        if self.updates_inside:
            return
        if recording.gradients is not None:
            for parameter, gradient in zip(step.trained, recording.gradients, strict=True):
                parameter.grad = gradient
        step.update()

    def _warm_up(self, number: int, progress: float) -> None:
        """Take a real step that is not recorded, in parts that fit into memory."""
        step = self.step
        epoch, index = step.batches.at(number)

        def parts() -> list[Part]:
            if not step.requires.follows_progress:
                return self._parts(None)
            rows = step.split(index)
            return self._parts([with_filling(step.view(epoch, r, progress)) for r in rows])

        step.with_memory(number, lambda: step.gradients(parts()))
        step.clip()
        step.update()

    def _record(self, views: list[View] | None) -> Recording:
        step = self.step
        own = None if views is None else [mapped(view, torch.clone) for view in views]

        def work() -> None:
            step.optimizer.zero_grad(set_to_none=True)
            step.gradients(self._parts(own))
            step.clip()
            if self.updates_inside:
                step.update()

        replay = self.recorder.record(work)
        kept = [parameter.grad for parameter in step.trained]
        return Recording(replay, own, kept if self.recorder.keeps_tensors else None)

    def _parts(self, views: Sequence[View] | None) -> list[Part]:
        """Return the parts of the step that the device counts, or those of finished views."""
        step = self.step
        if views is not None:
            return [partial(step.output, view, self.forward) for view in views]
        epoch, index = step.batches.counted(self.number)

        def loss_of(rows: Tensor) -> LossOutput:
            # no number: what reads it without having said so would be recorded with the first one
            return step.output(with_filling(step.view(epoch, rows, math.nan)), self.forward)

        return [partial(loss_of, rows) for rows in step.split(index)]

    def _fall_back(self, cause: str) -> None:
        """Run all further steps one by one; a recording has not changed any weight."""
        step = self.step
        self.has_failed, self.how = True, f"off: {self.how} failed: {cause}"
        self.recordings.clear()
        if step.device.startswith("cuda"):
            torch.cuda.synchronize()
        for group in step.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"], group["capturable"] = group["lr"].item(), False


def _key(views: list[View] | None) -> Key:
    """Return what a recording depends on: the shapes of what it reads, and of whose views."""
    if views is None:
        return ()
    return tuple(
        (name, value.shape, value.dtype) for view in views for name, value in tensors(view).items()
    )
