"""Training steps that are recorded once for each shape of a batch, and replayed.

As those of pretraining (`mae_bench.pretraining.recorded`), whose recorders serve here. The shapes
are few, since a GPU pads batches to few lengths (`mae_bench.training.length_buckets`).
"""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

from mae_bench.errors import MaeBenchError, first_line
from mae_bench.pretraining.recorded import WARM_UP_STEPS, Recorder

Batch = tuple[Tensor | None, ...]


class Recordable(Protocol):
    """A step that can be recorded: all that differs between two of one shape is in the batch."""

    device: str

    def __call__(self, batch: Batch) -> Tensor:
        """Take a step; return its loss, or its losses, without their graph."""

    def make_recordable(self) -> None:
        """Keep on the device what the host would tell each step."""

    def give_up(self) -> None:
        """Be run step by step again, and drop gradients."""


Step = TypeVar("Step", bound=Recordable)


class RecordedSteps(Generic[Step]):
    """Steps that are replayed, each shape from the fourth time on that it is met.

    What fails to be recorded is run step by step from then on; no weight has moved by it.

    Args:
        step: that is recorded.
        recorder: of the device.
    """

    def __init__(self, step: Step, recorder: Recorder) -> None:
        """Record nothing yet."""
        self.step, self.recorder = step, recorder
        self.how = "graph"
        self.seen: dict[object, int] = {}
        self.recordings: dict[object, tuple[Callable[[], None], Batch, list[Tensor]]] = {}
        step.make_recordable()

    def __call__(self, batch: Batch) -> Tensor:
        """Take a step; return what the step itself would."""
        if self.how != "graph":
            return self.step(batch)
        try:
            return self._take(batch)
        except MaeBenchError:
            raise
        except Exception as error:
            self._fall_back(first_line(error))
        return self.step(batch)

    def _take(self, batch: Batch) -> Tensor:
        key = tuple(None if each is None else each.shape for each in batch)
        if key not in self.recordings:
            if self.seen.get(key, 0) < WARM_UP_STEPS:
                self.seen[key] = self.seen.get(key, 0) + 1
                losses: list[Tensor] = []
                self.recorder.warm_up(lambda: losses.append(self.step(batch)))
                return losses[0]
            self.recordings[key] = self._record(batch)
        replay, own, lost = self.recordings[key]
        for mine, given in zip(own, batch, strict=True):
            if mine is not None and given is not None:
                mine.copy_(given)
        replay()
        return lost[-1].clone()  # the next replay writes there

    def _record(self, batch: Batch) -> tuple[Callable[[], None], Batch, list[Tensor]]:
        own = tuple(None if each is None else each.clone() for each in batch)
        lost: list[Tensor] = []

        def work() -> None:
            lost[:] = [self.step(own)]

        return self.recorder.record(work), own, lost

    def _fall_back(self, cause: str) -> None:
        self.how = f"off: graph failed: {cause}"
        self.recordings.clear()
        if self.step.device.startswith("cuda"):
            torch.cuda.synchronize()
        self.step.give_up()


def why_not_recorded(device: str, compile_by: str) -> str | None:
    """Return how steps of a fine-tune run where they are not to be recorded; None where they are.

    Args:
        device: of the steps.
        compile_by: as in `mae_bench.pretraining.compiling.make_stepper`; passes are not compiled.
    """
    is_cuda = device.startswith("cuda")
    if compile_by == "off" or (compile_by == "auto" and not is_cuda):
        return "off"
    if compile_by == "inductor":
        return "off: passes of a fine-tune are not compiled"
    return None if is_cuda else "off: graph needs a CUDA GPU"
