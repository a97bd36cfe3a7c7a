"""Fine-tuning: encoder and head trained together; the learning rate is chosen, nothing else.

AdamW with bias correction, linear warm-up and decay (Devlin et al. 2019, arXiv:1810.04805;
Mosbach et al. 2021, arXiv:2006.04884). Every learning rate starts from the same weights and
reads the same batches with the same dropout, and so does every objective. Differs from the
papers in mean pooling over real tokens in place of [CLS], which some objectives never train. What
else a recipe may change of this is in `mae_bench.protocols.strategies`.
"""

import copy
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from mae_bench.costs import training_passes
from mae_bench.errors import DivergedError
from mae_bench.model.attention import to_device
from mae_bench.model.backbone import load_backbone
from mae_bench.model.heads import TaskModel
from mae_bench.model.text_pooling import ChunkModel
from mae_bench.progress import Progress
from mae_bench.protocols.base import PROTOCOLS, Protocol, read_recipe
from mae_bench.protocols.bought_steps import buy_steps
from mae_bench.protocols.outcome import (
    ProtocolResult,
    Trial,
    choose,
    conclude,
    find_untrained,
    score,
)
from mae_bench.protocols.rates import rate_beyond
from mae_bench.protocols.splits import Splits
from mae_bench.protocols.strategies import build_model, check_strategy, prepare
from mae_bench.protocols.tuning_steps import TuningStepper, step_from_start
from mae_bench.specs import EvaluateSpec, FinetuneRecipe
from mae_bench.tasks.base import Examples, TaskData
from mae_bench.tasks.build import skipped_sentence
from mae_bench.tasks.kinds.base import KINDS, FinetuneKind, Learner, kind_of
from mae_bench.tasks.metrics import Values
from mae_bench.training.batching import (
    Indices,
    TokenSet,
    check_length,
    load_tokenizer,
    reading_batches,
    training_batches,
)
from mae_bench.training.dropout_seed import seeded_dropout
from mae_bench.training.length_buckets import wants_buckets
from mae_bench.training.long_texts import lay_out
from mae_bench.training.operations import OperationCount
from mae_bench.training.optim import linear_schedule, set_lr
from mae_bench.training.precision import autocast
from mae_bench.training.token_roles import own_poolings, pair_separator

_REPORT_EVERY = 25  # steps between two reports of progress


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
        batches = training_batches(
            texts.lengths,
            batch_size=recipe.batch_size,
            bucket_batches=recipe.bucket_batches,
            steps=steps,
            task=self.task,
            seed=self.seed,
        )
        for step, index in enumerate(batches):
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


def run(
    spec: EvaluateSpec,
    *,
    checkpoint: Path,
    task: TaskData,
    device: str,
    progress: Progress,
    compile_by: str = "off",
) -> ProtocolResult:
    """Train at each learning rate, keep the best on the selection part, predict the test split.

    Raises:
        DivergedError: the loss was not finite at every rate.
    """
    started = time.perf_counter()
    recipe = read_recipe(spec, FinetuneRecipe)
    check_strategy(recipe, KINDS.get(task.task.kind), task.task.kind)
    splits = Splits(spec, task)
    name = task.task.trained_as
    backbone = load_backbone(checkpoint)
    check_length(recipe.max_length, backbone.config)
    tokenizer = load_tokenizer(checkpoint)
    kind = kind_of(task.task)
    assert isinstance(kind, FinetuneKind)  # the protocol's `kinds`
    kind = kind.under(recipe)
    learner = kind.learner(splits.train)
    prepare(backbone, recipe, spec.seed)
    head = learner.head(backbone.width, dropout=recipe.dropout, seed=spec.seed)
    separator = pair_separator(tokenizer) if kind.num_texts == 2 else None
    (pooling,) = own_poolings((recipe.pooling,), tokenizer)
    read_as = recipe.model_copy(update={"pooling": pooling})
    model = build_model(backbone, head, read_as, separator, task=name, seed=spec.seed)
    tuner = Finetuner(
        model, learner, recipe, task=name, seed=spec.seed, device=device, compile_by=compile_by
    )

    def read(examples: Examples, as_rows: Callable[..., TokenSet] = kind.lay_out) -> TokenSet:
        size = backbone.vocab_size
        if recipe.long_text != "head":
            texts = examples.texts[0]
            rows = lay_out(tokenizer, texts, recipe, vocab_size=size, device=device)
        else:
            length = recipe.max_length
            rows = as_rows(tokenizer, examples, max_length=length, vocab_size=size, device=device)
        return replace(rows, has_buckets=wants_buckets(device))

    def predict(test: Examples) -> Values:
        texts = read(test)
        return learner.decode(tuner.predict(texts), texts)

    train, selection = read(splits.train, kind.lay_out_train), read(splits.selection)
    train_targets = learner.encode(splits.train.labels, train)
    selection_targets = learner.encode(splits.selection.labels, selection)
    if recipe.probe_steps:
        with seeded_dropout(name, spec.seed, device):
            for step in tuner.probe(train, train_targets):
                if step % _REPORT_EVERY == 0:
                    progress(0, 1, f"{name}: step {step} of the head alone")
    train_flops = buy_steps(tuner, train, spec.train_flops)
    steps = tuner.num_steps(len(train))
    trials: list[Trial] = []
    best_weights = tuner.start
    # ascending, so that a tie keeps the smaller rate
    waiting, num_left = sorted(set(recipe.learning_rates)), recipe.max_added_rates
    while waiting:
        rate = waiting.pop(0)
        tried, total = len(trials), len(trials) + 1 + len(waiting)
        chosen = {"learning_rate": rate}
        try:
            with seeded_dropout(name, spec.seed, device):
                for step in tuner.train(train, train_targets, rate):
                    if step % _REPORT_EVERY == 0 or step == steps:
                        done = tried * steps + step
                        progress(done, total * steps, f"{name}: learning rate {rate:.3g}")
            outputs = tuner.predict(selection)
        except DivergedError as error:
            trials.append(Trial(chosen, None, failure=str(error)))
        else:
            value = score(task.task, splits.selection.labels, learner.decode(outputs, selection))
            loss = float(learner.reading_loss(outputs, selection_targets, selection))
            facts = {"selection_loss": loss, "train_loss": tuner.train_loss}
            facts["constant_loss"] = tuner.constant_loss
            trials.append(Trial(chosen, value, loss, facts=facts))
            if choose(task.task, trials) is trials[-1]:
                best_weights = copy.deepcopy(model.state_dict())
        if not waiting and num_left:
            num_left -= 1
            waiting = rate_beyond(task.task, trials)
    best = choose(task.task, trials)  # raises where every rate diverged
    model.load_state_dict(best_weights)
    result = conclude(
        spec,
        splits,
        trials,
        predict,
        started=started,
        count_flops=lambda: tuner.operations.total,
        flaw=find_untrained(best.facts["train_loss"], best.facts["constant_loss"]),
    )
    if kind.skipped:
        progress(total * steps, total * steps, f"{name}: {skipped_sentence(kind.skipped)}")
    how = None if tuner.steps is None else tuner.steps.how
    return replace(result, skipped=dict(kind.skipped), train_flops=train_flops, compiled=how)


PROTOCOLS.register("finetune")(
    Protocol(
        "finetune",
        version=2,
        recipe=FinetuneRecipe,
        needs_checkpoint=True,
        run=run,
        kinds=FinetuneKind,
        spends_flops=True,
        is_compiled=True,
    )
)
