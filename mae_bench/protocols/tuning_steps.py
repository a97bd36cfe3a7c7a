"""Steps of a fine-tune: one by one, or recorded once for each shape of a batch and replayed.

Legend: B batch, S padded length.
"""

import torch
from torch import Tensor, nn

from mae_bench.model.heads import TaskModel
from mae_bench.model.text_pooling import ChunkModel
from mae_bench.pretraining.recorded import CudaGraphs, Recorder
from mae_bench.protocols.recorded_steps import Batch, RecordedSteps, why_not_recorded
from mae_bench.protocols.strategies import lr_factor
from mae_bench.specs import FinetuneRecipe
from mae_bench.tasks.kinds.base import Learner
from mae_bench.training.optim import forget_moments, make_optimizer
from mae_bench.training.precision import autocast


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
        """Take a step on ids and is_pad [B, S] and targets [B, ...]; return its loss."""
        ids, is_pad, targets = batch
        assert targets is not None
        with autocast(self.device, self.recipe.precision):
            outputs = self.model(ids, is_pad)
        loss = self.learner.loss(outputs, targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.trained, self.recipe.clip_norm)
        self.optimizer.step()
        return loss.detach()

    def make_recordable(self) -> None:
        """Keep the learning rate, and the optimizer's count of steps, on the device."""
        for group in self.optimizer.param_groups:
            group["lr"] = torch.tensor(group["lr"], device=self.device)
            group["capturable"] = self.device.startswith("cuda")

    def give_up(self) -> None:
        """Be run step by step again, and drop gradients."""
        self.optimizer.zero_grad(set_to_none=True)
        for group in self.optimizer.param_groups:
            group["lr"], group["capturable"] = group["lr"].item(), False


class RecordedTuning(RecordedSteps[TuningStep]):
    """Such a step, recorded."""

    def __init__(self, step: TuningStep, recorder: Recorder) -> None:
        """Record nothing yet."""
        super().__init__(step, recorder)
        self.optimizer = step.optimizer


TuningStepper = TuningStep | RecordedTuning


def make_tuning_step(step: TuningStep, compile_by: str) -> TuningStepper:
    """Return what makes the steps of a fine-tune.

    Args:
        step: one by one.
        compile_by: as in `mae_bench.pretraining.compiling.make_stepper`; passes are not compiled.
    """
    if (how := why_not_recorded(step.device, compile_by)) is not None:
        step.how = how
        return step
    if not isinstance(step.optimizer, torch.optim.AdamW):
        step.how = "off: AdamW without bias correction counts its steps on the host"
        return step
    return RecordedTuning(step, CudaGraphs())


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
