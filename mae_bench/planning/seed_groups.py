"""Which stages of a plan differ in nothing but their seed, so that they can go together."""

from collections.abc import Iterable, Mapping

from mae_bench.planning.stage import Key, Stage
from mae_bench.specs import EvaluateSpec, PretrainSpec


def seed_groups(stages: Iterable[Stage]) -> dict[Key, tuple[Stage, ...]]:
    """Return for each pretraining and fine-tune those of the other seeds, in the order of the plan.

    Their teachers, encoders and checkpoints may be those of their own seed. None stand beside a
    stage whose seeds are trained one by one.
    """
    by_key = {stage.key: stage for stage in stages}
    by_rest: dict[str, list[Stage]] = {}
    for stage in by_key.values():
        if rest := _without_seed(stage, by_key):
            by_rest.setdefault(rest, []).append(stage)
    groups: dict[Key, tuple[Stage, ...]] = {}
    for group in by_rest.values():
        is_batchable = len(group) > 1 and _is_batchable(group[0], by_key)
        for stage in group:
            others = (other for other in group if other is not stage)
            groups[stage.key] = tuple(others) if is_batchable else ()
    return groups


def _without_seed(stage: Stage, by_key: Mapping[Key, Stage]) -> str:
    """Return all of a stage but its seed and what may be of that seed; empty for other kinds."""
    spec = stage.spec
    if isinstance(spec, PretrainSpec):
        return spec.model_copy(update={"seed": 0, "teacher": None}).model_dump_json()
    if isinstance(spec, EvaluateSpec) and (pretraining := _pretraining(stage, by_key)):
        own = {"seed": 0, "checkpoint": None, "head_files": None}
        checkpoint = _without_seed(pretraining, by_key)
        return f"{spec.model_copy(update=own).model_dump_json()} of {checkpoint}"
    return ""


def _is_batchable(stage: Stage, by_key: Mapping[Key, Stage]) -> bool:
    """Whether seeds of a stage may be trained as one program."""
    from mae_bench.pretraining.batchable import why_not_batched  # which loads torch
    from mae_bench.protocols.base import PROTOCOLS
    from mae_bench.protocols.why_alone import may_join_seeds

    if isinstance(stage.spec, PretrainSpec):
        return not why_not_batched(stage.spec)
    pretraining = _pretraining(stage, by_key)
    assert isinstance(stage.spec, EvaluateSpec) and pretraining is not None
    assert isinstance(pretraining.spec, PretrainSpec)
    is_trained = PROTOCOLS.get(stage.spec.protocol).run_together is not None
    return is_trained and may_join_seeds(stage.spec, pretraining.spec.backbone)


def _pretraining(stage: Stage, by_key: Mapping[Key, Stage]) -> Stage | None:
    """Return the pretraining whose checkpoint an evaluation reads; None where there is none."""
    made = by_key.get(stage.checkpoint) if stage.checkpoint else None
    return made if made is not None and made.kind == "pretrain" else None
