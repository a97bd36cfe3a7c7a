"""The stages of a trial, its value on the selection part, and its cost."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mae_bench.errors import SpecError
from mae_bench.measures import measure_of
from mae_bench.planning.plan import Plan, make_plan
from mae_bench.planning.reading import tuned_tasks
from mae_bench.planning.reasons import failure_reasons
from mae_bench.planning.stage import Key, Stage, StageBuilder
from mae_bench.specs import CLEAN, EvaluateSpec, Study, TuningSpec, stage_id
from mae_bench.store.store import Store

if TYPE_CHECKING:
    from mae_bench.runner.session import Session

Expect = Callable[[Sequence[Stage]], None]  # called with the stages of a round before they run
VERSION = 1  # of the draws and of what a trial is


@dataclass(frozen=True)
class Cost:
    """The cost of trials; shared parts count once, and diverged ones do not count."""

    tokens: int = 0
    flops: float = 0.0
    seconds: float = 0.0


def spec_of(study: Study) -> TuningSpec:
    """Return the tuning section of a study.

    Raises:
        SpecError: it has none.
    """
    if study.tuning is None:
        raise SpecError(
            f"study '{study.name}' has no `tuning:` section; add one, such as "
            "`tuning: {trials: 8, budget: {tokens: 500_000}}`"
        )
    return study.tuning


def trial_study(study: Study) -> Study:
    """Return the study that one trial of every arm would be, with the arms as they are."""
    spec = spec_of(study)
    lengths = [study.corpus.tokens] if not study.corpus_tokens else list(study.corpus_tokens)
    most = None if None in lengths else max(n for n in lengths if n is not None)
    read = (spec.protocol, spec.protocol.partition("/")[0])  # a variant has the rest from its base
    return study.model_copy(
        update={
            "corpus": study.corpus.model_copy(update={"tokens": most}),
            "corpus_tokens": (),
            "budget_split": None,
            "pretrain": study.pretrain.model_copy(update={"budget": spec.budget}),
            "tasks": tuned_tasks(study),
            "protocols": (spec.protocol,),
            "recipes": {k: v for k, v in study.recipes.items() if k in read},
            "train_sizes": (spec.train_size,),
            "noise": (CLEAN,),
            "seeds": (spec.seed,),
            "finetune_seeds": (0,),
            "control": None,
            "controls": False,
            "claims": (),
            "tuning": None,
        }
    )


def trial_plan(
    study: Study, data_dir: Path | None, label: str, number: int, options: dict[str, object]
) -> Plan:
    """Return the plan of one trial of an arm.

    Args:
        study: of a trial, as `trial_study` returns it.
        data_dir: local data, or None.
        label: of the arm.
        number: of the trial, for people.
        options: that were drawn.

    Raises:
        SpecError: the options do not fit together, or the study does not.
    """
    plan = make_plan(study, data_dir, {label: options})
    return narrowed(plan, [label], data_dir, f" (trial {number})")


def narrowed(plan: Plan, labels: Iterable[str], data_dir: Path | None, note: str = "") -> Plan:
    """Return the part of a plan that some arms need, with the test split left unread."""
    from mae_bench.protocols.base import PROTOCOLS

    by_key, builder = plan.by_key, StageBuilder(data_dir, plan.tasks)
    labels = set(labels)
    cells, needed = [], set[Key]()
    for cell in plan.cells:
        if cell.arm.label not in labels:
            continue
        stage = by_key["evaluate", cell.evaluate]
        assert isinstance(stage.spec, EvaluateSpec)
        spec = stage.spec.model_copy(update={"selection_only": True})
        label = stage.label + note
        version = PROTOCOLS.get(cell.protocol).version
        key = builder.evaluate(spec, version, label, plan.study.backbone)
        cells.append(replace(cell, evaluate=key[1]))
        todo = list(stage.needs)
        while todo:
            if (need := todo.pop()) not in needed:
                needed.add(need)
                todo += by_key[need].needs
    own = {("pretrain", cell.pretrain) for cell in cells}
    stages = [
        replace(stage, label=stage.label + note) if stage.key in own else stage
        for stage in plan.stages
        if stage.key in needed
    ]
    arms = tuple(arm for arm in plan.arms if arm.label in labels)
    return replace(
        plan,
        arms=arms,
        stages=(*stages, *builder.stages.values()),
        cells=tuple(cells),
        resolved=tuple(arm for arm in plan.resolved if arm.label in labels),
        warnings=(),
    )


def base_plan(session: "Session") -> Plan:
    """Return what one trial of every arm of a study would be, with the arms as they are."""
    asked = session.asked
    plan = make_plan(trial_study(asked), session.data_dir)
    return narrowed(plan, [arm.label for arm in asked.objectives], session.data_dir)


def prepared_stages(session: "Session") -> tuple[Stage, ...]:
    """Return the stages of a tuning that may use the network."""
    return base_plan(session).prepared


def arm_keys(session: "Session", base: Plan) -> dict[str, str]:
    """Return a key for each arm of all that the outcome of its tuning depends on."""
    spec = spec_of(session.asked)
    what = {
        "trials": spec.trials,
        "sampler": spec.sampler,
        "seed": spec.seed,
        "peak_lr_factor": spec.peak_lr_factor,
    }
    keys = {}
    for arm in session.asked.objectives:
        ids = [cell.evaluate for cell in base.cells if cell.arm.label == arm.label]
        fixed = [arm.objective, sorted(arm.options), arm.peak_lr]
        keys[arm.label] = stage_id("tuning", VERSION, [what, fixed, ids])
    return keys


def value_of(plan: Plan, store: Store) -> tuple[float | None, str]:
    """Return the mean over tasks on the selection part, or None and why there is none.

    Where lower is better it is the mean with its sign turned, so that more is always better.

    Raises:
        StoreError: an artefact is damaged.
    """
    reasons = failure_reasons(plan, store)
    values = []
    for cell in plan.cells:
        key = ("evaluate", cell.evaluate)
        if key in reasons:
            return None, reasons[key]
        value = store.read_json(*key, "metrics.json")["selection_value"]
        if value is None:
            return None, f"protocol '{cell.protocol}' gave no value on the selection part"
        assert cell.task is not None  # a protocol that chooses reads a task
        values.append(measure_of(plan.tasks[cell.task].metrics[0]).sign * float(value))
    return sum(values) / len(values), ""


def cost_of(plans: Sequence[Plan], store: Store) -> Cost:
    """Return what the stages of some trials took; a teacher's pretraining counts once."""
    stages = {stage.key: stage for plan in plans for stage in plan.stages}
    tokens, flops, seconds = 0, 0.0, 0.0
    for kind, id_ in stages:
        if not store.is_done(kind, id_):
            continue
        if kind == "pretrain":
            cost = store.read_json(kind, id_, "cost.json")
            tokens += cost["tokens"]
            flops += cost["flops"] - cost["teacher_pretrain_flops"]
            seconds += cost["seconds"]
        elif kind == "evaluate":
            report = store.read_json(kind, id_, "metrics.json")
            flops += report["flops"] or 0.0
            seconds += report["seconds"]
    return Cost(tokens, flops, seconds)


def price(session: "Session") -> tuple[float, float]:
    """Return about how many FLOPs and seconds of one worker a whole tuning takes."""
    from mae_bench.objectives.base import OBJECTIVES
    from mae_bench.planning.estimate import estimate

    trained = [a for a in session.asked.objectives if OBJECTIVES.get(a.objective).is_trained]
    plan = make_plan(trial_study(session.asked), session.data_dir)
    once = narrowed(plan, [arm.label for arm in trained], session.data_dir)
    if not once.cells:
        return 0.0, 0.0
    estimated = estimate(once, session.store, session.device)
    trials = spec_of(session.asked).trials
    return trials * sum(arm.flops or 0.0 for arm in estimated.arms), trials * estimated.seconds
