"""Trains learning rates, of one fine-tune or of several seeds of it, as one program.

Each ends as it would alone, but for rounding: it keeps its batches, its dropout, its norm of the
gradient and its rate. Seeds whose batches differ in length are padded to the longest. Where memory
does not suffice for all, their halves are trained one after the other.
Legend: k models, one a fine-tune and rate; B rows, S tokens, K texts of an example.
"""

from collections import deque
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mae_bench.costs import training_passes
from mae_bench.errors import DivergedError, MaeBenchError, first_line
from mae_bench.model.heads import LinearHead, TaskModel, TokenHead
from mae_bench.pretraining.recorded import CudaGraphs
from mae_bench.protocols.joined_batches import JoinedBatches, join
from mae_bench.protocols.recorded_steps import RecordedSteps, why_not_recorded
from mae_bench.protocols.stacked_models import StackedModels
from mae_bench.protocols.stacked_step import StackedStep, cut
from mae_bench.protocols.strategies import lr_factor
from mae_bench.protocols.why_alone import why_trained_alone
from mae_bench.training.batching import Indices, TokenSet, reading_batches
from mae_bench.training.dropout_seed import DropoutStream
from mae_bench.training.optim import linear_schedule
from mae_bench.training.precision import autocast

if TYPE_CHECKING:
    from mae_bench.protocols.finetune import Finetune

NO_MEMORY = "there was no memory for two learning rates at once"

Try = tuple["Finetune", float]
"""A fine-tune and a learning rate to try."""


def train_together(tries: Sequence[Try]) -> None:
    """Try rates, of each fine-tune in ascending order; keep what comes of each.

    Args:
        tries: of fine-tunes that differ in nothing but the seed, one after another.
    """

    def num_steps(each: Try) -> int:
        return each[0].steps

    # other numbers where seeds draw training sets of other numbers of rows, or FLOPs buy the steps
    for _, alike in groupby(sorted(tries, key=num_steps), key=num_steps):
        group = list(alike)
        if why := why_trained_alone(group[0][0].tuner.model):
            _one_by_one(group, why)
        else:
            _train(group)


def _train(tries: Sequence[Try]) -> None:
    if len(tries) == 1:
        _one_by_one(tries, "there was no other learning rate to go with it")
        return
    # what it has held is let go of when it returns
    why = _train_at_once(tries)
    if why and tries[0][0].device.startswith("cuda"):
        torch.cuda.empty_cache()
    if why == NO_MEMORY:
        half = len(tries) // 2
        for part in (tries[:half], tries[half:]):
            if len(part) == 1:
                _one_by_one(part, why)
            else:
                _train(part)
    elif why:
        _one_by_one(tries, why)


def _train_at_once(tries: Sequence[Try]) -> str:
    """Train as one program; return why that failed, empty where it did not."""
    try:
        group = FinetuneGroup(tries)
        group.train()
        outputs = group.predict()
    except torch.OutOfMemoryError:
        return NO_MEMORY
    except MaeBenchError:
        raise
    except Exception as error:  # whatever an encoder of others raises under vmap
        return f"learning rates at once failed: {first_line(error)}"
    group.keep(outputs)
    return ""


def _one_by_one(tries: Sequence[Try], why: str) -> None:
    for number, (finetune, rate) in enumerate(tries, 1):
        if finetune.num_together == 1:
            finetune.why_alone = finetune.why_alone or why
        finetune.try_rate(rate, sum(other is finetune for other, _ in tries[number:]))


class FinetuneGroup:
    """Fine-tunes and their rates, as one program.

    Args:
        tries: of one structure and number of steps; the rates of a fine-tune one after another.
    """

    def __init__(self, tries: Sequence[Try]) -> None:
        """Stack a copy of the start of each fine-tune for each of its rates."""
        self.tries = tries
        self.finetunes = list(dict.fromkeys(finetune for finetune, _ in tries))
        first = self.first = self.finetunes[0]
        self.recipe, self.device = first.recipe, first.device
        owners = [self.finetunes.index(finetune) for finetune, _ in tries]
        self.owners = torch.tensor(owners, device=self.device)
        self.places = [
            slice(owners.index(number), owners.index(number) + owners.count(number))
            for number in range(len(self.finetunes))
        ]
        models = []
        for finetune, _ in tries:
            assert isinstance(finetune.tuner.model, TaskModel)  # as `why_trained_alone` says
            models.append(finetune.tuner.model)
        factor = lr_factor(models[0].backbone, self.recipe.layer_lr_decay)
        starts = [finetune.tuner.start for finetune, _ in tries]
        self.stack = StackedModels(models, starts, self.recipe.weight_decay, factor)
        self.compiled = ""
        self.losses: list[Tensor] = []
        self.last: list[deque[Indices]] = []
        # what each fine-tune alone would have encoded
        self.trained_on: list[list[Sequence[int]]] = [[] for _ in self.finetunes]
        self.read: list[list[Sequence[int]]] = [[] for _ in self.finetunes]

    def train(self) -> None:
        """Take all steps of all."""
        recipe, steps = self.recipe, self.first.steps
        texts = [finetune.train for finetune in self.finetunes]
        take_step = self._stepper()
        self.stack.structure.train()
        peaks = torch.tensor([[rate] for _, rate in self.tries], device=self.device)
        streams = [DropoutStream(f.name, f.spec.seed, self.device) for f in self.finetunes]
        self.last = [deque(maxlen=-(-len(each) // recipe.batch_size)) for each in texts]
        batches = [finetune.tuner.batches(finetune.train, steps) for finetune in self.finetunes]
        for step, indices in enumerate(zip(*batches, strict=True)):
            joined = join(texts, indices)
            noise = self._noise(joined, streams)
            rates = peaks * linear_schedule((step + 0.5) / steps, recipe.warmup_ratio)
            targets = [
                finetune.train_targets.index_select(0, rows)
                for finetune, rows in zip(self.finetunes, joined.rows, strict=True)
            ]
            self.losses.append(take_step((*self._of_models(joined), noise, rates, *targets)))
            for number, index in enumerate(indices):
                self.last[number].append(index)
                shape = texts[number].read_shape(index, joined.shapes[number])
                self.trained_on[number].append(shape)
                self.finetunes[number].report(step + 1, len(self.tries))
        self.compiled = take_step.how

    @torch.inference_mode()
    def predict(self) -> list[Tensor]:
        """Return each model's outputs [R, ...] float32 on the selection part of its fine-tune."""
        self.stack.structure.eval()
        texts = [finetune.selection for finetune in self.finetunes]
        batches = [reading_batches(each.lengths, self.recipe.batch_size) for each in texts]
        outputs = [
            torch.zeros(
                place.stop - place.start,
                len(each),
                *finetune.tuner.learner.output_shape(each.ids.shape[-1]),
                device=self.device,
            )
            for finetune, place, each in zip(self.finetunes, self.places, texts, strict=True)
        ]
        for number in range(max(map(len, batches))):
            # one that has no more batches reads its last one again
            indices = [each[min(number, len(each) - 1)] for each in batches]
            joined = join(texts, indices)
            with autocast(self.device, self.recipe.precision):
                read = self.stack(*self._of_models(joined))
            for own, (place, index) in enumerate(zip(self.places, indices, strict=True)):
                batch = cut(read[place], len(index), self._widths(texts[own]))
                # outputs a token are as many as the batch's longest text has; the rest stays 0
                outputs[own][:, joined.rows[own], : batch.shape[2]] = batch.float()
                if number < len(batches[own]):
                    self.read[own].append(texts[own].read_shape(index, joined.shapes[own]))
        return [each for own in outputs for each in own]

    def keep(self, outputs: Sequence[Tensor]) -> None:
        """Give each fine-tune what came of its rates."""
        losses = torch.stack(self.losses).float()
        passes = training_passes(self.recipe)
        is_finite = losses.isfinite().all(dim=0).tolist()
        for index, (finetune, rate) in enumerate(self.tries):
            number = self.finetunes.index(finetune)
            tuner, last = finetune.tuner, self.last[number]
            finetune.num_together = max(finetune.num_together, len(self.tries))
            finetune.why_alone, finetune.compiled = "", self.compiled
            for shape in self.trained_on[number]:
                tuner.operations.add_training(shape, passes)
            if not is_finite[index]:
                finetune.add_failure(rate, DivergedError("non-finite training loss"))
                continue
            for shape in self.read[number]:
                tuner.operations.add_reading(shape)
            if not bool(outputs[index].isfinite().all()):
                finetune.add_failure(rate, DivergedError("non-finite predictions"))
                continue
            tuner.train_loss = float(losses[-len(last) :, index].mean())
            tuner.constant_loss = tuner.learner.constant_loss(
                finetune.train_targets, finetune.train, last
            )
            self.stack.install(index)
            finetune.add(rate, outputs[index])

    @property
    def is_of_tokens(self) -> bool:
        """Whether there are outputs for each token."""
        return isinstance(self.stack.models[0].head, TokenHead)

    def _of_models(self, joined: JoinedBatches) -> tuple[Tensor, Tensor | None]:
        """Return ids and padding of each model's batch, which is that of its fine-tune."""
        is_pad = joined.is_pad
        if len(self.finetunes) == 1:
            k = len(self.tries)
            whole = joined.ids.expand(k, *joined.ids.shape[1:])
            return whole, None if is_pad is None else is_pad.expand(k, *is_pad.shape[1:])
        ids = joined.ids.index_select(0, self.owners)
        return ids, None if is_pad is None else is_pad.index_select(0, self.owners)

    def _stepper(self) -> StackedStep | RecordedSteps[StackedStep]:
        step = StackedStep(
            self.stack,
            [finetune.tuner.learner for finetune in self.finetunes],
            self.places,
            [self._widths(finetune.train) for finetune in self.finetunes],
            self.recipe,
            self.device,
        )
        how = why_not_recorded(self.device, self.first.tuner.compile_by)
        if how is None:
            return RecordedSteps(step, CudaGraphs())
        step.how = how
        return step

    def _widths(self, texts: TokenSet) -> Sequence[int]:
        """Return the most outputs that a row has, in each dimension but the last."""
        return texts.ids.shape[1:] if self.is_of_tokens else texts.ids.shape[1:-1]

    def _noise(self, joined: JoinedBatches, streams: Sequence[DropoutStream]) -> Tensor | None:
        """Return what dropout does before each head's linear layer; all rates of a seed share it.

        Each fine-tune draws for its own rows and tokens, as it does alone.
        """
        head = self.stack.models[0].head
        if not isinstance(head, LinearHead):
            return None
        own = []
        for stream, (*rows, length) in zip(streams, joined.shapes, strict=True):
            shape = (*rows, length) if self.is_of_tokens else rows
            own.append(stream.noise((*shape, head.linear.in_features), self.recipe.dropout))
        return joined.padded(own, is_of_tokens=self.is_of_tokens)[self.owners]
