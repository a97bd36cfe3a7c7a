"""Steps of a fine-tune: one by one, or recorded once for each shape of a batch and replayed.

As those of pretraining (`mae_bench.pretraining.recorded`), whose recorders serve here. The shapes
are few, since a GPU pads batches to few lengths (`mae_bench.training.length_buckets`).

Legend: B batch, S padded length.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mae_bench.errors import MaeBenchError
from mae_bench.model.heads import TaskModel
from mae_bench.model.text_pooling import ChunkModel
from mae_bench.pretraining.recorded import WARM_UP_STEPS, CudaGraphs, Recorder
from mae_bench.protocols.strategies import lr_factor
from mae_bench.specs import FinetuneRecipe
from mae_bench.tasks.kinds.base import Learner
from mae_bench.training.optim import forget_moments, make_optimizer
from mae_bench.training.precision import autocast

Batch = tuple[Tensor, Tensor | None, Tensor]  # ids [B, S], is_pad [B, S], targets [B, ...]


class TuningStep:
    """A step that is run operation by operation.

    Args:
        model: in training mode.
        learner: whose loss it is.
        optimizer: of the trained parameters.
        recipe: of the fine-tune.
        device: of all.
    """

    how = "off"

    def __init__(
        self,
        model: nn.Module,
        learner: Learner,
        optimizer: torch.optim.Optimizer,
        recipe: FinetuneRecipe,
        device: str,
    ) -> None:
        self.model, self.learner, self.optimizer = model, learner, optimizer
        self.recipe, self.device = recipe, device
        self.trained = [p for p in model.parameters() if p.requires_grad]

    def __call__(self, batch: Batch) -> Tensor:
        """Take a step; return its loss, without its graph."""
        ids, is_pad, targets = batch
        with autocast(self.device, self.recipe.precision):
            outputs = self.model(ids, is_pad)
        loss = self.learner.loss(outputs, targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.trained, self.recipe.clip_norm)
        self.optimizer.step()
        return loss.detach()


class RecordedTuning:
    """Steps that are replayed, each shape from the fourth time on that it is met.

    What fails to be recorded is run step by step from then on; no weight has moved by it.

    Args:
        step: that is recorded.
        recorder: of the device.
    """

    def __init__(self, step: TuningStep, recorder: Recorder) -> None:
        self.step, self.recorder, self.optimizer = step, recorder, step.optimizer
        self.how = "graph"
        self.seen: dict[object, int] = {}
        self.recordings: dict[object, tuple[Callable[[], None], Batch, list[Tensor]]] = {}
        for group in self.optimizer.param_groups:
            group["lr"] = torch.tensor(group["lr"], device=step.device)
            group["capturable"] = step.device.startswith("cuda")

    def __call__(self, batch: Batch) -> Tensor:
        """Take a step; return its loss, without its graph."""
        if self.how != "graph":
            return self.step(batch)
        try:
            return self._take(batch)
        except MaeBenchError:
            raise
        except Exception as error:
            cause = str(error).strip().splitlines() or [type(error).__name__]
            self._fall_back(cause[0])
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
        ids, is_pad, targets = batch
        own = (ids.clone(), None if is_pad is None else is_pad.clone(), targets.clone())
        lost: list[Tensor] = []

        def work() -> None:
            lost[:] = [self.step(own)]

        return self.recorder.record(work), own, lost

    def _fall_back(self, cause: str) -> None:
        self.how = f"off: graph failed: {cause}"
        self.recordings.clear()
        self.optimizer.zero_grad(set_to_none=True)
        if self.step.device.startswith("cuda"):
            torch.cuda.synchronize()
        for group in self.optimizer.param_groups:
            group["lr"], group["capturable"] = group["lr"].item(), False


TuningStepper = TuningStep | RecordedTuning


def make_tuning_step(step: TuningStep, compile_by: str) -> TuningStepper:
    """Return what makes the steps of a fine-tune.

    Args:
        step: one by one.
        compile_by: as in `mae_bench.pretraining.compiling.make_stepper`; passes are not compiled.
    """
    is_cuda = step.device.startswith("cuda")
    if compile_by == "off" or (compile_by == "auto" and not is_cuda):
        return step
    if why := _why_not_recorded(step, compile_by):
        step.how = f"off: {why}"
        return step
    return RecordedTuning(step, CudaGraphs())


def _why_not_recorded(step: TuningStep, compile_by: str) -> str:
    if compile_by == "inductor":
        return "passes of a fine-tune are not compiled"
    if not step.device.startswith("cuda"):
        return "graph needs a CUDA GPU"
    if not isinstance(step.optimizer, torch.optim.AdamW):
        return "AdamW without bias correction counts its steps on the host"
    return ""


def step_from_start(
    latest: TuningStepper | None,
    model: TaskModel | ChunkModel,
    learner: Learner,
    recipe: FinetuneRecipe,
    device: str,
    compile_by: str,
) -> TuningStepper:
    """Return what takes the steps of a training, with an optimizer that has seen none.

    It is the latest one where that has recordings for the same parameters.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    if isinstance(latest, RecordedTuning) and set(latest.step.trained) == set(trained):
        forget_moments(latest.optimizer)
        return latest
    optimizer = make_optimizer(
        model.named_parameters(),
        lr=0.0,
        weight_decay=recipe.weight_decay,
        betas=(recipe.beta1, recipe.beta2),
        eps=recipe.eps,
        lr_factor=lr_factor(model.backbone, recipe.layer_lr_decay),
        is_corrected=recipe.bias_correction,
    )
    step = TuningStep(model, learner, optimizer, recipe, device)
    return make_tuning_step(step, compile_by)
