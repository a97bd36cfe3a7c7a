"""Why stages of a plan have no result."""

from mae_bench.planning.plan import Plan
from mae_bench.planning.stage import Key
from mae_bench.store.store import Store

_WORK = {
    "teacher": "fetching the encoder failed",
    "tokenizer": "making the tokenizer failed",
    "blocks": "tokenising the corpus failed",
    "ngrams": "counting the corpus' collocations failed",
    "task": "preparing the task failed",
    "pretrain": "pretraining failed",
    "evaluate": "evaluation failed",
}


def failure_reasons(plan: Plan, store: Store) -> dict[Key, str]:
    """Return why stages have no result: their own failure, or that of what they need."""
    reasons: dict[Key, str] = {}
    for stage in plan.stages:
        if store.is_done(*stage.key):
            continue
        if record := store.failure(*stage.key):
            reasons[stage.key] = str(record.get("message"))
            continue
        for need in stage.needs:
            if need in reasons:
                reason = reasons[need]
                known = reason.startswith(tuple(_WORK.values()))
                reasons[stage.key] = reason if known else f"{_WORK[need[0]]}: {reason}"
                break
    return reasons
