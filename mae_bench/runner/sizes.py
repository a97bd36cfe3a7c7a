"""What shows once something is there: train sizes above the data, doubts about a corpus."""

from mae_bench.runner.plan import Plan
from mae_bench.runner.plugged import changed_sources
from mae_bench.runner.store import Store


def prepared_warnings(plan: Plan, store: Store) -> list[str]:
    """Return a sentence for each thing about what is there that a user may not have meant."""
    return [*changed_sources(plan, store), *_doubts(plan, store), *too_large(plan, store)]


def _doubts(plan: Plan, store: Store) -> list[str]:
    """Return what stands in the rows of each corpus, once for corpora of several sizes."""
    found: dict[str, None] = {}
    for stage in plan.stages:
        if stage.kind != "blocks" or not store.is_done(*stage.key):
            continue
        if not store.damage(*stage.key, only=("meta.json",)):
            meta = store.read_json(*stage.key, "meta.json")
            found |= dict.fromkeys(meta.get("warnings", ()))
    return list(found)


def too_large(plan: Plan, store: Store) -> list[str]:
    """Return a sentence for each prepared task that has fewer labels than a train size asks for.

    Their cells fail, each with its reason, and the others go on.
    """
    counts = [size for size in plan.study.train_sizes if isinstance(size, int)]
    found = []
    for stage in plan.stages:
        if stage.kind != "task" or not store.is_done(*stage.key):
            continue
        if store.damage(*stage.key, only=("meta.json",)):
            continue  # the run says so and builds it again
        known = int(store.read_json(*stage.key, "meta.json")["rows"]["train"])
        if wrong := [size for size in counts if size > known]:
            sizes = ", ".join(f"{size:,}" for size in wrong)
            found.append(
                f"{stage.label} has {known:,} training examples, fewer than train_sizes {sizes}: "
                f"these cells will fail; give at most {known:,}, or 'all'"
            )
    return found
