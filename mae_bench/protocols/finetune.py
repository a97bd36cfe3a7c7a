"""Fine-tuning: encoder and head trained together; the learning rate is chosen, nothing else.

AdamW with bias correction, linear warm-up and decay (Devlin et al. 2019, arXiv:1810.04805;
Mosbach et al. 2021, arXiv:2006.04884). Every learning rate starts from the same weights and
reads the same batches with the same dropout, and so does every objective. Differs from the
papers in mean pooling over real tokens in place of [CLS], which some objectives never train. What
else a recipe may change of this is in `mae_bench.protocols.strategies`.
"""

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from mae_bench.errors import DivergedError
from mae_bench.model.backbone import load_backbone
from mae_bench.plurals import counted
from mae_bench.progress import Progress
from mae_bench.protocols.base import PROTOCOLS, Evaluation, Protocol, read_recipe
from mae_bench.protocols.bought_steps import buy_steps
from mae_bench.protocols.finetuner import Finetuner
from mae_bench.protocols.finetunes_together import train_together
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
from mae_bench.specs import EvaluateSpec, FinetuneRecipe
from mae_bench.tasks.base import Examples, TaskData
from mae_bench.tasks.build import skipped_sentence
from mae_bench.tasks.kinds.base import KINDS, FinetuneKind, kind_of
from mae_bench.tasks.metrics import Values
from mae_bench.training.batching import TokenSet, check_length, load_tokenizer
from mae_bench.training.dropout_seed import seeded_dropout
from mae_bench.training.length_buckets import wants_buckets
from mae_bench.training.long_texts import lay_out
from mae_bench.training.token_roles import own_poolings, pair_separator

_REPORT_EVERY = 25  # steps between two reports of progress


class Finetune:
    """The fine-tune of one evaluation: its model and data, and what was tried so far."""

    def __init__(
        self,
        spec: EvaluateSpec,
        checkpoint: Path,
        task: TaskData,
        device: str,
        progress: Progress,
        compile_by: str = "off",
    ) -> None:
        """Read checkpoint and task; nothing is tried yet but the head alone, where that is asked.

        Raises:
            SpecError, DataError: the recipe, the task and the encoder do not fit each other.
        """
        self.started = time.perf_counter()
        self.spec, self.progress, self.device = spec, progress, device
        recipe = self.recipe = read_recipe(spec, FinetuneRecipe)
        check_strategy(recipe, KINDS.get(task.task.kind), task.task.kind)
        splits = self.splits = Splits(spec, task)
        name = self.name = task.task.trained_as
        backbone = load_backbone(checkpoint)
        check_length(recipe.max_length, backbone.config)
        self.tokenizer = load_tokenizer(checkpoint)
        kind = kind_of(task.task)
        assert isinstance(kind, FinetuneKind)  # the protocol's `kinds`
        self.kind = kind = kind.under(recipe)
        learner = kind.learner(splits.train)
        prepare(backbone, recipe, spec.seed)
        head = learner.head(backbone.width, dropout=recipe.dropout, seed=spec.seed)
        separator = pair_separator(self.tokenizer) if kind.num_texts == 2 else None
        (pooling,) = own_poolings((recipe.pooling,), self.tokenizer)
        read_as = recipe.model_copy(update={"pooling": pooling})
        model = build_model(backbone, head, read_as, separator, task=name, seed=spec.seed)
        self.tuner = Finetuner(
            model, learner, recipe, task=name, seed=spec.seed, device=device, compile_by=compile_by
        )
        self.train = self.read(splits.train, kind.lay_out_train)
        self.selection = self.read(splits.selection)
        self.train_targets = learner.encode(splits.train.labels, self.train)
        self.selection_targets = learner.encode(splits.selection.labels, self.selection)
        if recipe.probe_steps:
            self._probe()
        self.train_flops = buy_steps(self.tuner, self.train, spec.train_flops)
        self.steps = self.tuner.num_steps(len(self.train))
        self.trials: list[Trial] = []
        self.best_weights = self.tuner.start
        # ascending, so that a tie keeps the smaller rate
        self.waiting, self.num_left = sorted(set(recipe.learning_rates)), recipe.max_added_rates
        self.num_together, self.why_alone = 1, ""
        self.compiled: str | None = None  # of what was trained together

    def read(self, examples: Examples, as_rows: Callable[..., TokenSet] | None = None) -> TokenSet:
        """Return examples as the model reads them."""
        recipe, size, device = self.recipe, self.tuner.model.backbone.vocab_size, self.device
        if recipe.long_text != "head":
            texts = examples.texts[0]
            rows = lay_out(self.tokenizer, texts, recipe, vocab_size=size, device=device)
        else:
            lay_rows, length = as_rows or self.kind.lay_out, recipe.max_length
            rows = lay_rows(
                self.tokenizer, examples, max_length=length, vocab_size=size, device=device
            )
        return replace(rows, has_buckets=wants_buckets(device))

    def rates(self) -> list[float]:
        """Return the rates to try next: the grid, then one beyond its edge at a time."""
        if self.trials and self.num_left:
            self.num_left -= 1
            self.waiting = rate_beyond(self.splits.task, self.trials)
        rates, self.waiting = self.waiting, []
        return rates

    def try_rate(self, rate: float, num_after: int) -> None:
        """Train at a rate and keep what comes of it.

        Args:
            rate: peak learning rate.
            num_after: rates that are tried after it, for the report of progress.
        """
        tuner, steps, tried = self.tuner, self.steps, len(self.trials)
        total = tried + 1 + num_after
        try:
            with seeded_dropout(self.name, self.spec.seed, self.device):
                for step in tuner.train(self.train, self.train_targets, rate):
                    if step % _REPORT_EVERY == 0 or step == steps:
                        note = f"{self.name}: learning rate {rate:.3g}"
                        self.progress(tried * steps + step, total * steps, note)
            outputs = tuner.predict(self.selection)
        except DivergedError as error:
            self.add_failure(rate, error)
        else:
            self.add(rate, outputs)

    def report(self, step: int, num_rates: int) -> None:
        """Report the progress of rates that are trained together."""
        if step % _REPORT_EVERY == 0 or step == self.steps:
            note = f"{self.name}: {counted(num_rates, 'learning rate')} at once"
            self.progress(step, self.steps, note)

    def add(self, rate: float, outputs: Tensor) -> None:
        """Keep a trained model, which the tuner holds, by its outputs on the selection part."""
        tuner, splits, selection = self.tuner, self.splits, self.selection
        learner = tuner.learner
        labels = splits.selection.labels
        value = score(splits.task, labels, learner.decode(outputs, selection))
        loss = float(learner.reading_loss(outputs, self.selection_targets, selection))
        facts = {"selection_loss": loss, "train_loss": tuner.train_loss}
        facts["constant_loss"] = tuner.constant_loss
        self.trials.append(Trial({"learning_rate": rate}, value, loss, facts=facts))
        if choose(splits.task, self.trials) is self.trials[-1]:
            self.best_weights = copy.deepcopy(tuner.model.state_dict())

    def add_failure(self, rate: float, error: DivergedError) -> None:
        """Keep that a rate had no result."""
        self.trials.append(Trial({"learning_rate": rate}, None, failure=str(error)))

    def conclude(self) -> ProtocolResult:
        """Predict the test split with the best model.

        Raises:
            DivergedError: there is none.
        """
        best = choose(self.splits.task, self.trials)
        self.tuner.model.load_state_dict(self.best_weights)
        result = conclude(
            self.spec,
            self.splits,
            self.trials,
            self._predict,
            started=self.started,
            count_flops=lambda: self.tuner.operations.total,
            flaw=find_untrained(best.facts["train_loss"], best.facts["constant_loss"]),
        )
        if skipped := self.kind.skipped:
            self.progress(1, 1, f"{self.name}: {skipped_sentence(skipped)}")
        return replace(
            result,
            skipped=dict(skipped),
            train_flops=self.train_flops,
            compiled=self.compiled or (None if (steps := self.tuner.steps) is None else steps.how),
            num_together=self.num_together,
            why_alone=self.why_alone,
        )

    def _predict(self, test: Examples) -> Values:
        texts = self.read(test)
        return self.tuner.learner.decode(self.tuner.predict(texts), texts)

    def _probe(self) -> None:
        with seeded_dropout(self.name, self.spec.seed, self.device):
            for step in self.tuner.probe(self.train, self.train_targets):
                if step % _REPORT_EVERY == 0:
                    self.progress(0, 1, f"{self.name}: step {step} of the head alone")


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
    finetune = Finetune(spec, checkpoint, task, device, progress, compile_by)
    while rates := finetune.rates():
        for number, rate in enumerate(rates, 1):
            finetune.try_rate(rate, len(rates) - number)
    return finetune.conclude()


def run_together(
    evaluations: Sequence[Evaluation], *, device: str, compile_by: str = "off"
) -> list[ProtocolResult]:
    """Run fine-tunes that differ in nothing but the seed, the rates of all as one program.

    Each result is that of the fine-tune alone, but for rounding; of the seconds it has an equal
    share.

    Raises:
        DivergedError: the loss of a fine-tune was not finite at every rate.
    """
    started = time.perf_counter()
    finetunes = [
        Finetune(each.spec, each.checkpoint, each.task, device, each.progress, compile_by)
        for each in evaluations
    ]
    while tries := [(each, rate) for each in finetunes for rate in each.rates()]:
        train_together(tries)
    results = [each.conclude() for each in finetunes]
    share = (time.perf_counter() - started) / len(results)
    return [replace(result, seconds=share) for result in results]


PROTOCOLS.register("finetune")(
    Protocol(
        "finetune",
        version=2,
        recipe=FinetuneRecipe,
        needs_checkpoint=True,
        run=run,
        run_together=run_together,
        kinds=FinetuneKind,
        spends_flops=True,
        is_compiled=True,
    )
)
