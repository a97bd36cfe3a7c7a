"""What stages are reckoned to take where none like them was timed: FLOPs at a rough rate."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mae_bench.planning.encoder_costs import EncoderCosts, encoder_of
from mae_bench.planning.plan import Plan
from mae_bench.planning.planned_tasks import told_of_tasks
from mae_bench.planning.stage import Stage
from mae_bench.planning.vocabulary import Vocabularies
from mae_bench.specs import (
    CorpusSpec,
    EvaluateSpec,
    FinetuneRecipe,
    PretrainSpec,
    TrainSize,
    per_class,
)
from mae_bench.store.store import Store

ROUGH_FLOPS_PER_S = {"cpu": 4e10, "cuda": 3e13}  # of one worker
ROUGH_EVALUATE_S = {"cpu": 0.5, "cuda": 3.0}  # of each, beside the FLOPs of its encoder
ROUGH_PREPARE_S = {"task": 0.5, "tokenizer": 2.0, "blocks": 1.0}  # and for a million tokens as much
ROUGH_FILL = 1 / 3  # of ``max_length`` by a text of a task
_ROUGH_ROWS = {"train": 2_000, "selection": 500, "test": 1_000}  # where they are not known
_WHOLE_CORPUS = 2_000_000  # tokens, where a corpus has no limit


@dataclass(frozen=True)
class EvaluationWork:
    """FLOPs of an evaluation's encoder.

    Attributes:
        trained: in steps that train it, of one rate after another.
        read: in selection and test texts, and in those of a frozen encoder.
    """

    trained: float = 0.0
    read: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return self.trained + self.read

    @property
    def read_ratio(self) -> float:
        """What is read, in units of what is trained; 0 where nothing is."""
        return self.read / self.trained if self.trained else 0.0


def expected_rates(recipe: FinetuneRecipe) -> float:
    """Return how many learning rates a fine-tune tries, on average.

    The best of two lies at an edge, so that a third is tried, and where that is the best a fourth:
    in 46% of the fine-tunes of ``reports/first_fight/rows.parquet``.
    """
    given = len(set(recipe.learning_rates))
    if given == 1:
        return 1.0
    return given + min(recipe.max_added_rates, 1.5 if given == 2 else 0.75)


class Model:
    """Rough seconds of the stages of a plan, in one worker."""

    def __init__(
        self, plan: Plan, store: Store, words: Vocabularies, encoders: EncoderCosts, device: str
    ) -> None:
        """Look up how many rows tasks have."""
        self._plan, self._words, self._encoders = plan, words, encoders
        self._kind = "cpu" if device == "cpu" else "cuda"
        self._rows: dict[str, dict[str, int]] = {}
        for facts in told_of_tasks(plan, store, None):
            rows = facts["rows"]
            assert isinstance(rows, Mapping)
            self._rows[str(facts["name"])] = _ROUGH_ROWS | dict(rows)

    @property
    def flops_per_s(self) -> float:
        """The rough rate of this kind of device."""
        return ROUGH_FLOPS_PER_S[self._kind]

    def preparation_s(self, stage: Stage) -> float:
        """Return seconds of a stage that neither trains nor evaluates."""
        tokens = 0
        if isinstance(stage.spec, CorpusSpec) and stage.spec.tokenizer.origin is None:
            tokens = stage.spec.tokens or _WHOLE_CORPUS
        return ROUGH_PREPARE_S.get(stage.kind, 0.0) * (1 + tokens / 1e6)

    def evaluation_s(self, stage: Stage) -> float:
        """Return seconds of an evaluation."""
        return ROUGH_EVALUATE_S[self._kind] + self.work(stage).total / self.flops_per_s

    def work(self, stage: Stage) -> EvaluationWork:
        """Return roughly what an evaluation's encoder does; nothing for an unknown one."""
        from mae_bench.costs import TRAIN, StepShape, training_passes
        from mae_bench.protocols.base import PROTOCOLS

        spec = stage.spec
        assert isinstance(spec, EvaluateSpec)
        protocol = PROTOCOLS.get(spec.protocol)
        if not protocol.needs_checkpoint:
            return EvaluationWork()
        recipe = protocol.recipe.model_validate(spec.recipe)
        most = getattr(recipe, "max_length", None)
        length = math.ceil(most * ROUGH_FILL) if most else self._plan.corpus_of(stage).row_length
        rows = self._rows[spec.task] if spec.task else _ROUGH_ROWS
        num_train = self._num_train(spec, rows)
        texts = float(rows["test"] * max(1, len(spec.test_noises)))
        trained, bought = 0.0, 0.0
        if isinstance(recipe, FinetuneRecipe):
            rates = expected_rates(recipe)
            texts += rates * rows["selection"]
            if spec.train_flops is not None:
                bought = rates * spec.train_flops
            else:
                steps = max(recipe.epochs * -(-num_train // recipe.batch_size), recipe.min_steps)
                passes = rates * steps * training_passes(recipe) + recipe.probe_steps
                trained = passes * recipe.batch_size
        elif protocol.needs_labels:
            texts += rows["selection"] + num_train
        if encoder_of(stage) is not None:
            cost = self._encoders.of_evaluation(stage)
            if cost is None:
                return EvaluationWork()
            forward = cost.forward(1, length)
        else:
            made = self._plan.source_of(stage).spec
            assert isinstance(made, PretrainSpec)
            shape = StepShape(made.backbone, 1, length, self._words.of(stage))
            forward = shape.encoder() / TRAIN
        return EvaluationWork(bought + trained * forward, texts * forward)

    def _num_train(self, spec: EvaluateSpec, rows: Mapping[str, int]) -> int:
        size: TrainSize = spec.train_size
        if isinstance(size, int):
            return size
        if isinstance(size, float):
            return math.ceil(size * rows["train"])
        if spec.task and (each := per_class(size)):
            return each * self._plan.tasks[spec.task].num_labels
        return rows["train"]
