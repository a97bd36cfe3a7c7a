"""Which pretrainings of a plan differ in nothing but their seed, so that they can go together."""

from collections.abc import Iterable

from mae_bench.planning.stage import Key, Stage
from mae_bench.specs import PretrainSpec


def seed_groups(stages: Iterable[Stage]) -> dict[Key, tuple[Stage, ...]]:
    """Return for each pretraining those of the other seeds of its arm, in the order of the plan.

    Their teachers may be those of their own seed. None stand beside a pretraining
    whose seeds are trained one by one.
    """
    from mae_bench.pretraining.batchable import why_not_batched  # which loads torch

    by_rest: dict[str, list[Stage]] = {}
    for stage in stages:
        if stage.kind == "pretrain" and isinstance(stage.spec, PretrainSpec):
            group = by_rest.setdefault(_without_seed(stage.spec), [])
            group.append(stage)
    groups: dict[Key, tuple[Stage, ...]] = {}
    for group in by_rest.values():
        spec = group[0].spec
        assert isinstance(spec, PretrainSpec)
        is_batchable = len(group) > 1 and not why_not_batched(spec)
        for stage in group:
            others = (other for other in group if other is not stage)
            groups[stage.key] = tuple(others) if is_batchable else ()
    return groups


def _without_seed(spec: PretrainSpec) -> str:
    """Return all of a pretraining but its seed, and but its teacher, which may be of that seed."""
    return spec.model_copy(update={"seed": 0, "teacher": None}).model_dump_json()
