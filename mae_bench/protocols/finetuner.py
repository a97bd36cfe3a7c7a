"""The training of a fine-tune at one learning rate, and what its model then predicts."""

import copy
from collections import deque
from collections.abc import Iterator

import torch
from torch import Tensor

from mae_bench.costs import training_passes
from mae_bench.errors import DivergedError
from mae_bench.model.attention import to_device
from mae_bench.model.heads import TaskModel
from mae_bench.model.text_pooling import ChunkModel
from mae_bench.protocols.tuning_steps import TuningStepper, step_from_start
from mae_bench.specs import FinetuneRecipe
from mae_bench.tasks.kinds.base import Learner
from mae_bench.training.batching import Indices, TokenSet, reading_batches, training_batches
from mae_bench.training.operations import OperationCount
from mae_bench.training.optim import linear_schedule, set_lr
from mae_bench.training.precision import autocast


class Finetuner:
    """One model and its start, from which each learning rate is trained."""

    def __init__(
        self,
        model: TaskModel | ChunkModel,
        learner: Learner,
        recipe: FinetuneRecipe,
        *,
        task: str,
        seed: int,
        device: str,
        compile_by: str = "off",
    ) -> None:
        """Remember the weights to start from."""
        self.model = to_device(model, device)
        self.learner = learner
        self.recipe = recipe
        self.task, self.seed, self.device = task, seed, device
        self.operations = OperationCount(model.backbone.config)
        self.start = copy.deepcopy(model.state_dict())
        self.compile_by = compile_by
        self.steps: TuningStepper | None = None  # kept: rates share recordings
        self.bought_steps: int | None = None  # where FLOPs decide, and not the recipe
        # of the last epoch's batches in the latest training, and of a constant on the same ones
        self.train_loss = self.constant_loss = float("nan")

    def num_steps(self, num_texts: int) -> int:
        """Return the updates of one training: those that were bought, or what the recipe says."""
        recipe = self.recipe
        asked = max(recipe.epochs * -(-num_texts // recipe.batch_size), recipe.min_steps)
        return self.bought_steps or asked

    def batches(self, texts: TokenSet, steps: int) -> Iterator[Indices]:
        """Yield the rows of each step."""
        return training_batches(
            texts.lengths,
            batch_size=self.recipe.batch_size,
            bucket_batches=self.recipe.bucket_batches,
            steps=steps,
            task=self.task,
            seed=self.seed,
        )

    def train(self, texts: TokenSet, targets: Tensor, peak_lr: float) -> Iterator[int]:
        """Train from the start at one rate; yield the number of steps done.

        Raises:
            DivergedError: a loss was not finite.
        """
        self.model.load_state_dict(self.start)
        steps, passes = self.num_steps(len(texts)), training_passes(self.recipe)
        yield from self._train(texts, targets, peak_lr, steps, passes)

    def probe(self, texts: TokenSet, targets: Tensor) -> Iterator[int]:
        """Train the head alone from the start, which then is where this ended; yield steps done.

        Source: Kumar et al. 2022, arXiv:2202.10054.

        Raises:
            DivergedError: a loss was not finite.
        """
        trained = [p for p in self.model.backbone.parameters() if p.requires_grad]
        for parameter in trained:
            parameter.requires_grad_(False)
        yield from self._train(
            texts, targets, self.recipe.probe_lr, self.recipe.probe_steps, passes=1
        )
        for parameter in trained:
            parameter.requires_grad_(True)
        self.start = copy.deepcopy(self.model.state_dict())

    def _train(
        self, texts: TokenSet, targets: Tensor, peak_lr: float, steps: int, passes: int
    ) -> Iterator[int]:
        recipe, backbone = self.recipe, self.model.backbone
        self.model.train()
        if not any(p.requires_grad for p in backbone.parameters()):
            backbone.eval()  # features of a frozen encoder are those that are tested
        take_step = self.steps = step_from_start(
            self.steps, self.model, self.learner, recipe, self.device, self.compile_by
        )
        losses: list[Tensor] = []
        last = deque[Indices](maxlen=-(-len(texts) // recipe.batch_size))
        for step, index in enumerate(self.batches(texts, steps)):
            ids, is_pad, on_device = texts.batch(index)
            lr = peak_lr * linear_schedule((step + 0.5) / steps, recipe.warmup_ratio)
            set_lr(take_step.optimizer, lr)
            loss = take_step((ids, is_pad, targets.index_select(0, on_device)))
            last.append(index)
            losses.append(loss)  # read once at the end: .item() would wait for the device
            self.operations.add_training(texts.read_shape(index, ids.shape), passes)
            yield step + 1
        all_losses = torch.stack(losses).float()
        if not bool(all_losses.isfinite().all()):
            raise DivergedError("non-finite training loss")
        self.train_loss = float(all_losses[-len(last) :].mean())
        self.constant_loss = self.learner.constant_loss(targets, texts, last)

    @torch.inference_mode()
    def predict(self, texts: TokenSet) -> Tensor:
        """Return outputs [R, ...] float32 in the order of the rows of the texts.

        Raises:
            DivergedError: an output is not finite.
        """
        self.model.eval()
        shape = self.learner.output_shape(texts.ids.shape[-1])
        outputs = torch.zeros(len(texts), *shape, device=self.device)
        for index in reading_batches(texts.lengths, self.recipe.batch_size):
            ids, is_pad, on_device = texts.batch(index)
            with autocast(self.device, self.recipe.precision):
                batch = self.model(ids, is_pad)
            # outputs a token are as many as the batch's longest text has; the rest stays 0
            outputs[on_device, : batch.shape[1]] = batch
            self.operations.add_reading(texts.read_shape(index, ids.shape))
        if not bool(outputs.isfinite().all()):
            raise DivergedError("non-finite predictions")
        return outputs
