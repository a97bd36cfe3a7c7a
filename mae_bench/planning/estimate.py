"""What a plan will cost before it runs (FLOPs, time, disk), and what its seeds can show."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mae_bench.backbones import architecture_of
from mae_bench.errors import SpecError
from mae_bench.planning.budget_split import Split, finetune_steps
from mae_bench.planning.detects import Detectable, detectable
from mae_bench.planning.encoder_costs import EncoderCosts
from mae_bench.planning.expectation import Speed, expect
from mae_bench.planning.forecast import StageModel
from mae_bench.planning.modelled import ROUGH_FILL, Model
from mae_bench.planning.plan import Plan
from mae_bench.planning.reasons import failure_reasons
from mae_bench.planning.stage import Key, Stage
from mae_bench.planning.vocabulary import Vocabularies
from mae_bench.specs import (
    NO_POINT,
    BackboneSpec,
    CorpusSpec,
    PretrainSpec,
    Study,
    at_point,
    trained_part,
)
from mae_bench.store.store import Store

_PREDICTION_BYTES = 40_000


@dataclass(frozen=True)
class ArmCost:
    """One pretraining of an arm.

    ``flops_per_token`` is that of a training step, over the tokens of the corpus in it;
    ``relative_flops`` is the same in those of mlm at its default 15% on the same backbone;
    ``teacher_pretrain_flops`` is what it pays for a teacher of the study. ``steps`` is None where
    the clock decides, and where a price that is only assumed would buy none.
    """

    label: str
    steps: int | None
    tokens: int | None
    flops: float | None
    flops_per_token: float = 0.0
    relative_flops: float = 0.0
    teacher_pretrain_flops: float = 0.0

    @property
    def whole_flops(self) -> float | None:
        """What the arm is charged; None as ``steps`` is."""
        return None if self.flops is None else self.flops + self.teacher_pretrain_flops


@dataclass(frozen=True)
class Estimate:
    """What is left to do and what it takes.

    Attributes:
        stages: count, done and failed by kind.
        arms: cost of one pretraining each.
        flops: of all pretrainings of the plan.
        seconds: of the stages that are left, added up; rough unless ``is_measured``.
        run_s: until they are done, side by side in the workers of a run.
        is_measured: whether anything was timed on this machine.
        speed: what was.
        disk_bytes: of all that is left.
        assumptions: sentences on what is not known yet.
        detectable: for each family of tests; empty where the seeds are too few to decide anything.
    """

    stages: dict[str, dict[str, int]]
    arms: list[ArmCost]
    flops: float
    seconds: float
    run_s: float
    is_measured: bool
    speed: Speed
    disk_bytes: int
    assumptions: list[str]
    detectable: list[Detectable]


def estimate(plan: Plan, store: Store, device: str, num_workers: int = 1) -> Estimate:
    """Return what a plan takes, from what was timed on this machine where anything was.

    Args:
        plan: of a study.
        store: of its home.
        device: ``cpu`` or ``cuda``.
        num_workers: that a run would have.
    """
    reasons = failure_reasons(plan, store)
    stages: dict[str, dict[str, int]] = {}
    left: list[Stage] = []
    for stage in plan.stages:
        count = stages.setdefault(stage.kind, {"all": 0, "done": 0, "failed": 0})
        count["all"] += 1
        if store.is_done(*stage.key):
            count["done"] += 1
        elif stage.key in reasons:
            count["failed"] += 1
        else:
            left.append(stage)
    words, encoders = Vocabularies(plan, store), EncoderCosts(plan, store)
    by_stage = _by_stage(plan, words, encoders)
    model = Model(plan, store, words, encoders, device)
    trained = _steps(plan, by_stage, model)
    expected = expect(plan, store, device, model, trained, num_workers)
    seconds = {stage.key: expected.stages.seconds[stage.key] for stage in left}
    arms = _by_arm(plan, by_stage)
    return Estimate(
        stages=stages,
        arms=arms,
        flops=sum(cost.flops or 0.0 for cost in by_stage.values()),
        seconds=sum(seconds.values()),
        run_s=expected.run_s(plan.stages, seconds),
        is_measured=expected.speed.is_measured,
        speed=expected.speed,
        disk_bytes=sum(_disk(stage, words.of(stage)) for stage in left),
        assumptions=[
            *words.assumptions,
            *(() if plan.study.grid else finetune_steps(plan.study, ROUGH_FILL)),
            *encoders.assumptions,
            *_unbought(plan.study, arms),
        ],
        detectable=detectable(plan.study),
    )


def _by_stage(plan: Plan, words: Vocabularies, encoders: EncoderCosts) -> dict[str, ArmCost]:
    """Return the cost of every pretraining, by its id."""
    by_stage: dict[str, ArmCost] = {}
    for stage in plan.stages:  # a teacher comes before its students
        if stage.kind == "pretrain":
            by_stage[stage.id] = _cost(stage, plan, words, encoders, by_stage)
    return by_stage


def model_of(plan: Plan, store: Store, device: str) -> tuple[Model, dict[str, StageModel]]:
    """Return the model of a plan's stages, and what it says of every pretraining, by its id."""
    words, encoders = Vocabularies(plan, store), EncoderCosts(plan, store)
    model = Model(plan, store, words, encoders, device)
    return model, _steps(plan, _by_stage(plan, words, encoders), model)


def expected_seconds(
    plan: Plan, store: Store, device: str, num_workers: int
) -> Mapping[Key, float]:
    """Return what each stage of a plan takes beside so many workers, done or not."""
    model, trained = model_of(plan, store, device)
    return expect(plan, store, device, model, trained, num_workers).stages.seconds


def _steps(plan: Plan, costs: Mapping[str, ArmCost], model: Model) -> dict[str, StageModel]:
    modelled = {}
    for id_, cost in costs.items():
        stage = plan.by_key["pretrain", id_]
        spec = stage.spec
        assert isinstance(spec, PretrainSpec)
        if cost.steps is None:
            modelled[id_] = StageModel(spec.recipe.budget.seconds or 0.0, None)
        else:
            tokens = spec.recipe.batch_rows * plan.corpus_of(stage).row_length
            flops = cost.flops_per_token * tokens
            modelled[id_] = StageModel(flops / model.flops_per_s, cost.steps)
    return modelled


def _by_arm(plan: Plan, by_stage: dict[str, ArmCost]) -> list[ArmCost]:
    costs_by_arm: dict[str, dict[str, ArmCost]] = {arm.label: {} for arm in plan.arms}
    for cell in plan.cells:
        split_label = Split(cell.pretrain_ratio).named(cell.arm.label)
        is_trained = cell.pretrain is not None and plan.pretrained[cell.pretrain].kind.is_trained
        label = at_point(split_label, trained_part(cell.point) if is_trained else NO_POINT)
        if cell.pretrain is not None and label not in costs_by_arm[cell.arm.label]:
            cost = replace(by_stage[cell.pretrain], label=label)
            costs_by_arm[cell.arm.label][label] = cost
    return [cost for costs in costs_by_arm.values() for cost in costs.values()]


def _unbought(study: Study, arms: list[ArmCost]) -> list[str]:
    """Return a sentence where arms have no steps, and no clock that decides how many."""
    labels = [arm.label for arm in arms if arm.steps is None and not study.pretrain.budget.seconds]
    if not labels:
        return []
    return [
        f"nothing for the steps of {', '.join(labels)}: what is assumed above would make one cost "
        "more than the budget, and its run is refused if that is so"
    ]


def _cost(
    stage: Stage,
    plan: Plan,
    words: Vocabularies,
    encoders: EncoderCosts,
    teachers: Mapping[str, ArmCost],
) -> ArmCost:
    from mae_bench.costs import StepShape, steps_for
    from mae_bench.objectives.base import OBJECTIVES

    spec, arm = stage.spec, plan.pretrained[stage.id]
    assert isinstance(spec, PretrainSpec)
    if not arm.kind.is_trained:
        return ArmCost(stage.label, 0, 0, 0.0)
    corpus = plan.corpus_of(stage)
    outside_teacher = encoders.teacher_of(stage, arm)
    shape = StepShape(
        spec.backbone, spec.recipe.batch_rows, corpus.row_length, words.of(stage), outside_teacher
    )
    step = arm.kind.flops_per_step(arm.options, shape).total
    taught_by = [
        teachers[id_].whole_flops or 0.0 for what, id_ in stage.needs if what == "pretrain"
    ]
    paid = sum(taught_by) / arm.requires.amortise_over
    budget = spec.recipe.budget
    try:
        steps = steps_for(budget, step, shape.tokens, paid)
    except SpecError:
        if budget.flops is None or not (words.assumptions or encoders.is_assumed(arm)):
            raise
        steps = None  # what is only assumed refuses nothing: the run knows its price
    plain = OBJECTIVES.get("mlm")
    mlm = plain.flops_per_step(plain.Options(), shape).total
    price = (step / shape.tokens, step / mlm)
    if steps is None:
        return ArmCost(stage.label, None, None, None, *price)
    return ArmCost(stage.label, steps, steps * shape.tokens, steps * step, *price, paid)


def _disk(stage: Stage, vocab_size: int) -> int:
    if isinstance(stage.spec, PretrainSpec):
        sizes: BackboneSpec = stage.spec.backbone
        inner = architecture_of(sizes).inner(sizes.width, sizes.mlp_ratio)
        layer = 4 * sizes.width**2 + 3 * sizes.width * inner
        embedding = vocab_size * sizes.width
        return 4 * (sizes.layers * layer + 2 * embedding)
    if stage.kind == "blocks":
        assert isinstance(stage.spec, CorpusSpec)
        return (2 if vocab_size <= 65_535 else 4) * (stage.spec.tokens or 2_000_000)
    return _PREDICTION_BYTES if stage.kind == "evaluate" else 500_000
