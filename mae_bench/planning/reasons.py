"""Why stages of a plan have no result."""

from mae_bench.planning.plan import Plan
from mae_bench.planning.stage import Key
from mae_bench.planning.stage_kinds import STAGE_KINDS
from mae_bench.store.store import Store


def failure_reasons(plan: Plan, store: Store) -> dict[Key, str]:
    """Return why stages have no result: their own failure, or that of what they need."""
    own: dict[Key, str] = {}
    inherited: dict[Key, str] = {}
    for stage in plan.stages:
        if store.is_done(*stage.key):
            continue
        if record := store.failure(*stage.key):
            own[stage.key] = str(record.get("message"))
            continue
        for need in stage.needs:
            if need in own:
                inherited[stage.key] = f"{STAGE_KINDS[need[0]].failed}: {own[need]}"
                break
            if need in inherited:  # it names what failed first
                inherited[stage.key] = inherited[need]
                break
    return own | inherited
